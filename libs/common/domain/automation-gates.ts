import type { ClosedGate } from "./decide.ts";
import type { ActiveFreeze } from "./gates.ts";
import { windowState } from "./windows.ts";
import type { ReleaseWindow } from "./windows.ts";

export interface GatesAround {
  readonly windows: readonly ReleaseWindow[];
  /** Of the environment. */
  readonly freezes: readonly Pick<ActiveFreeze, "namespace" | "reason" | "by" | "until">[];
  /** So many automatic rollbacks lately that people have to look first. */
  readonly stormUntil?: Date | undefined;
  readonly now: Date;
}

/** What is closed for a namespace now: automation asks before it makes a job that would only wait. */
export function gatesClosedFor(namespace: string, around: GatesAround): readonly ClosedGate[] {
  const { windows, freezes, stormUntil, now } = around;
  const frozen = freezes
    .filter(({ namespace: place, until }) => (place ?? namespace) === namespace && isAhead(until, now))
    .map(({ reason, by, until }): ClosedGate => {
      return { gate: "freeze", reason: `${reason}, set by ${by}`, until: until ?? undefined };
    });
  const storm: readonly ClosedGate[] =
    stormUntil === undefined
      ? []
      : [{ gate: "freeze", reason: "too many automatic rollbacks in ten minutes", until: stormUntil }];
  const { open, reason, until } = windowState(windows, [namespace], now);
  const shut: ClosedGate = { gate: "window", reason: reason ?? "outside its windows", until };
  return [...frozen, ...storm, ...(open ? [] : [shut])];
}

function isAhead(until: Date | null, now: Date): boolean {
  return until === null || until.getTime() > now.getTime();
}
