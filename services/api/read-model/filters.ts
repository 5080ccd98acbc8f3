import type { Workload } from "#common/contracts/http.ts";
import { matchesSelector, parseSelector } from "#common/domain/label-selector.ts";

/** What a list of workloads may be narrowed to; several narrow it further. */
export const workloadStates = [
  "behind",
  "drift",
  "failing",
  "not-in-git",
  "ready",
  "updating",
  "error",
  "not-running",
  "unknown",
  "automated",
  "locked",
  "ignore",
  "hold",
] as const;
export type WorkloadState = (typeof workloadStates)[number];

export interface WorkloadFilter {
  readonly namespace?: string | undefined;
  /** In the name or an image, in any case. */
  readonly text?: string | undefined;
  readonly labels: readonly string[];
  readonly states: readonly WorkloadState[];
}

/** Those that fit every part of the filter, in their order; throws SELECTOR_INVALID. */
export function filterWorkloads(
  workloads: readonly Workload[],
  { namespace, text, labels, states }: WorkloadFilter,
): readonly Workload[] {
  const terms = parseSelector(labels);
  const wanted = text?.toLowerCase();
  if (namespace === undefined && wanted === undefined && terms.length + states.length === 0) return workloads;
  return workloads.filter(
    (one) =>
      (namespace === undefined || one.namespace === namespace) &&
      states.every((state) => isInState(one, state)) &&
      matchesSelector(one.labels, terms) &&
      (wanted === undefined || mentions(one, wanted)),
  );
}

/** Whether a container of it could run a newer image. */
export function isBehind({ containers }: Pick<Workload, "containers">): boolean {
  return containers.some(({ newest }) => newest !== null && newest.behind > 0);
}

function isInState(one: Workload, state: WorkloadState): boolean {
  switch (state) {
    case "behind":
      return isBehind(one);
    case "drift":
      return one.drift;
    case "failing":
      return one.release.state === "error";
    case "not-in-git":
      return one.declared === null;
    case "automated":
    case "locked":
    case "ignore":
    case "hold":
      return one.policies.includes(state);
    default:
      return one.release.state === state;
  }
}

function mentions(one: Workload, wanted: string): boolean {
  const texts = [one.id, `${one.namespace}/${one.name}`, ...one.containers.map(({ image }) => image)];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}
