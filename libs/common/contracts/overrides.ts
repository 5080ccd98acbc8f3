import type { Role } from "../domain/access.ts";

/** What a request may pass, one right each. Approvals and schedules are in no list: nothing passes them. */
export const overrides = [
  "lock",
  "filter",
  "downgrade",
  "freeze",
  "window",
  "conflict",
  "changed-since",
] as const;
export type Override = (typeof overrides)[number];

export const situations = ["release", "release --all", "rollback", "sync", "restart"] as const;
export type Situation = (typeof situations)[number];

/** lifts: it has a meaning · needless: nothing of the kind stops this request · refused: it is not meant for it. */
export type OverrideUse = "lifts" | "needless" | "refused";

export interface OverrideRule {
  /** Who may use it, besides admins. */
  readonly role: Role;
  readonly uses: Readonly<Record<Situation, OverrideUse>>;
}

/** The table override × role × situation; the API refuses by it, its tests are made from it. */
export const overrideTable: Readonly<Record<Override, OverrideRule>> = {
  lock: {
    role: "releaser",
    // Who releases everything has not looked at each lock.
    uses: uses("lifts", "refused", "needless", "refused", "refused"),
  },
  filter: { role: "releaser", uses: uses("lifts", "lifts", "needless", "refused", "refused") },
  downgrade: { role: "releaser", uses: uses("lifts", "lifts", "needless", "refused", "refused") },
  freeze: { role: "admin", uses: uses("lifts", "lifts", "lifts", "lifts", "lifts") },
  window: { role: "admin", uses: uses("lifts", "lifts", "needless", "lifts", "needless") },
  conflict: { role: "releaser", uses: uses("lifts", "lifts", "lifts", "refused", "refused") },
  "changed-since": { role: "releaser", uses: uses("needless", "needless", "lifts", "refused", "refused") },
};

export type OverrideAnswer = "allowed" | "wrong-role" | "wrong-situation";

/** Whether this right may be used in this situation by who has, for all that is asked for, these roles. */
export function judgeOverride(asked: {
  readonly right: Override;
  readonly has: (role: Role) => boolean;
  readonly situation: Situation;
}): OverrideAnswer {
  const { role, uses: by } = overrideTable[asked.right];
  if (by[asked.situation] === "refused") return "wrong-situation";
  // What passes nothing asks for no right: in an emergency nobody should stumble over it.
  if (by[asked.situation] === "needless") return "allowed";
  return asked.has(role) ? "allowed" : "wrong-role";
}

/** The columns of the table, in the order of `situations`. */
function uses(...cells: readonly [OverrideUse, OverrideUse, OverrideUse, OverrideUse, OverrideUse]) {
  const [release, all, rollback, sync, restart] = cells;
  return { release, "release --all": all, rollback, sync, restart };
}
