import { shortName } from "./plan.ts";
import { filterOf } from "./plan-target.ts";
import type { Policies } from "./policy.ts";
import { policyFault, unknownKey } from "./policy-values.ts";
import { filterFault } from "./tag-filter.ts";

/** What is to be changed about one workload: keys without a prefix to their value, null to take one away. */
export interface PolicyOrder {
  readonly workload: string;
  /** `tag_all` is for every container that is not named itself; `glob:*` takes its filters away. */
  readonly set: Readonly<Record<string, string | null>>;
}

/** What an order is judged by: the workload as git declares it. */
export interface OrderedWorkload {
  readonly containers: readonly { readonly name: string; readonly editable: boolean }[];
  /** The environment's rules and the annotations together. */
  readonly policies: Pick<Policies, "tags">;
}

export type ExpandedOrder =
  | { readonly ok: true; readonly changes: Readonly<Record<string, string | null>> }
  | { readonly ok: false; readonly fault: string };

const allContainers = "tag_all";

/** What is wrong with an order whatever workload it is for. */
export function orderFault(set: PolicyOrder["set"]): string | undefined {
  for (const [key, value] of Object.entries(set)) {
    const fault = key === allContainers ? tagAllFault(value) : policyFault(key, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An order as the annotations it means for a workload, or why it is refused. */
export function expandOrder(
  set: PolicyOrder["set"],
  workload: OrderedWorkload,
  o: { readonly unfiltered: boolean },
): ExpandedOrder {
  const fault = orderFault(set);
  if (fault !== undefined) return { ok: false, fault };
  const stray = Object.entries(set).find(([key, value]) => value !== null && isStray(key, workload));
  if (stray !== undefined) return { ok: false, fault: strayFault(stray[0], workload) };
  const changes = expandAll(set, workload);
  const bare = set["automated"] === "true" && !o.unfiltered ? unfiltered(changes, workload) : [];
  return bare.length === 0 ? { ok: true, changes } : { ok: false, fault: bareFault(bare) };
}

/** A lock says who set it and why; without it those words mean nothing. */
export function withLockWords(
  set: PolicyOrder["set"],
  by: { readonly user: string; readonly message: string | undefined },
): PolicyOrder["set"] {
  if (!Object.hasOwn(set, "locked")) return set;
  const isLock = set["locked"] === "true";
  const words = isLock
    ? { locked_user: by.user, locked_msg: by.message ?? null }
    : { locked_user: null, locked_msg: null };
  return { ...words, ...set };
}

/** "Lock sock-shop/front-end", as commit and log word it. */
export function policyHeadline(orders: readonly PolicyOrder[]): string {
  const verbs = new Set(orders.map(({ set }) => verbOf(set)));
  const [verb] = verbs;
  const names = [...new Set(orders.map(({ workload }) => shortName(workload)))];
  const shown =
    names.length > 5 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
  return `${verbs.size === 1 && verb !== undefined ? verb : usualVerb} ${shown}`;
}

const usualVerb = "Update policies of";

function verbOf(set: PolicyOrder["set"]): string {
  const keys = Object.keys(set);
  if (keys.every((key) => key.startsWith("locked")) && Object.hasOwn(set, "locked")) {
    return set["locked"] === "true" ? "Lock" : "Unlock";
  }
  const isAbout = (key: string) => key === "automated" || key === allContainers || key.startsWith("tag.");
  if (!Object.hasOwn(set, "automated") || !keys.every(isAbout)) return usualVerb;
  return set["automated"] === "true" ? "Automate" : "Deautomate";
}

function tagAllFault(value: string | null): string | undefined {
  const fault = value === null ? undefined : filterFault(value);
  return fault === undefined ? undefined : `${allContainers}: ${fault}`;
}

function isStray(key: string, { containers }: OrderedWorkload): boolean {
  return key.startsWith("tag.") && !containers.some(({ name }) => key === `tag.${name}`);
}

function strayFault(key: string, { containers }: OrderedWorkload): string {
  const name = key.slice("tag.".length);
  if (containers.length === 0) return unknownKey(key);
  return `there is no container ${name}; there is ${containers.map((one) => one.name).join(", ")}`;
}

function expandAll(set: PolicyOrder["set"], { containers }: OrderedWorkload): PolicyOrder["set"] {
  if (!Object.hasOwn(set, allContainers)) return set;
  const { [allContainers]: every = null, ...named } = set;
  const value = every === "glob:*" || every === "*" ? null : every;
  return { ...Object.fromEntries(containers.map(({ name }) => [`tag.${name}`, value])), ...named };
}

/** Containers that would be moved without anybody having said to what. */
function unfiltered(
  changes: PolicyOrder["set"],
  { containers, policies }: OrderedWorkload,
): readonly string[] {
  return containers
    .filter(({ name, editable }) => {
      const key = `tag.${name}`;
      const filter = Object.hasOwn(changes, key) ? changes[key] : filterOf(policies, name);
      return editable && (filter === undefined || filter === null);
    })
    .map(({ name }) => name);
}

function bareFault(names: readonly string[]): string {
  const [first = ""] = names;
  const verb = names.length === 1 ? "has" : "have";
  return `${names.join(", ")} ${verb} no tag filter to be automated by; set tag.${first}, or tag_all to "newest"`;
}
