import { unreachable } from "./unreachable.ts";

/** Why a sync left an object alone: one reason each, from this closed list. */
export type SyncReason =
  | "in-sync"
  | "ignored"
  | "not-declared"
  | "declared-twice"
  | "not-appliable"
  | "encrypted"
  | "secret"
  | "cluster-wide"
  | "handed-off"
  | "immutable-kind";

export interface LeftAlone {
  readonly reason: SyncReason;
  readonly detail?: string;
}

/** The log's line for what a sync leaves alone. */
export function leftLine(name: string, { reason, detail }: LeftAlone): string {
  const more = detail === undefined || detail === "" ? "" : ` (${detail})`;
  switch (reason) {
    case "in-sync":
      return `${name} is as git declares it; skipping.`;
    case "ignored":
      return `${name} is ignored by policy; skipping.`;
    case "not-declared":
      return `no resource definition file found for ${name}; skipping.`;
    case "declared-twice":
      return `multiple resource definition files found for ${name}${more}; skipping.`;
    case "not-appliable":
      return `${name} cannot be applied as it is written${more}; skipping.`;
    case "encrypted":
      return `${name} is encrypted; skipping.`;
    case "secret":
      return `${name} is a Secret, which a sync does not touch; skipping.`;
    case "cluster-wide":
      return `${name} belongs to no namespace; skipping.`;
    case "handed-off":
      return `${name} is applied by somebody else${more}; skipping.`;
    case "immutable-kind":
      return `${name} cannot be changed in place${more}; skipping.`;
    default:
      return unreachable(reason);
  }
}

/** "Sync shop/web", "Sync namespace shop", "Sync everything that git declares". */
export function syncHeadline(asked: {
  readonly names: readonly string[];
  readonly namespace: string | null;
}): string {
  if (asked.namespace !== null) return `Sync namespace ${asked.namespace}`;
  return asked.names.length === 0 ? "Sync everything that git declares" : `Sync ${listed(asked.names)}`;
}

/** "Sync: 3 workloads changed by 9c1e2f4" */
export function changedHeadline(count: number, commit: string): string {
  return `Sync: ${count} ${count === 1 ? "object" : "objects"} changed by ${commit.slice(0, 7)}`;
}

/** "Restart shop/web" */
export function restartHeadline(names: readonly string[]): string {
  return `Restart ${listed(names)}`;
}

const mostListed = 5;

function listed(names: readonly string[]): string {
  if (names.length <= mostListed) return names.join(", ");
  return [...names.slice(0, mostListed - 1), `${names.length - mostListed + 1} more`].join(", ");
}
