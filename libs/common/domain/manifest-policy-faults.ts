import type { FoundFault, FoundWorkload } from "./manifest-find.ts";
import { entriesOf, offsetOf, placeAt, slotOf } from "./manifest-tree.ts";
import { isPolicyName, policyFaults } from "./policy.ts";

/** What is wrong with the policies people wrote on a workload, each where it stands. */
export function policyFaultsOf(found: FoundWorkload): readonly FoundFault[] {
  const place = placeAt(found.tree, found.root, ["metadata", "annotations"]);
  if (place === undefined) return [];
  const said = new Map(policyFaults(found.annotations).map((fault) => [fault.annotation, fault.message]));
  const names = new Set(found.containers.map((container) => container.name));
  return entriesOf(found.tree, place).flatMap(({ key, place: value }) => {
    if (!isPolicyName(key)) return [];
    const offset = offsetOf(value.node);
    if (slotOf(value)?.isText !== true) {
      return [{ offset, message: `${key} is no text, so Kubernetes refuses it: put it in quotes` }];
    }
    const message = said.get(key) ?? strayFilter(key, names);
    return message === undefined ? [] : [{ offset, message: `${key}: ${message}` }];
  });
}

/** A filter for a container that is not there chooses nothing. */
function strayFilter(key: string, containers: ReadonlySet<string>): string | undefined {
  const name = /^(?:[\w.]+\/tag\.|filter\.[\w.]+\/)(.+)$/.exec(key)?.[1];
  return name === undefined || containers.has(name) ? undefined : `there is no container ${name}`;
}
