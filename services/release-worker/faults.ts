import { SlipwayError } from "#common/domain/errors.ts";

/**
 * Named points before or after an act where tests kill or freeze this process
 * (`SLIPWAY_FAULT=after-push:kill`). In production the list is empty and a point costs nothing.
 */

export const faultPoints = [
  "before-decision",
  "after-decision",
  "after-take",
  "after-plan",
  "after-choice",
  "after-intent",
  "before-push",
  "after-push",
  "after-record",
  "before-apply",
  "after-apply",
  "after-verdict",
] as const;
export type FaultPoint = (typeof faultPoints)[number];
export type Fault = (point: FaultPoint) => void;

export type FaultSignal = "SIGKILL" | "SIGSTOP";
/** The process alone, or with everything in its process group. */
export type FaultReach = "process" | "group";

/** `kill-group` needs a process that leads its own group, as a supervisor starts it. */
const actions: Readonly<Record<string, { readonly signal: FaultSignal; readonly reach: FaultReach }>> = {
  kill: { signal: "SIGKILL", reach: "process" },
  "kill-group": { signal: "SIGKILL", reach: "group" },
  freeze: { signal: "SIGSTOP", reach: "process" },
};

/** Ends or stops this process, or all of its group. */
export function strikeSelf(signal: FaultSignal, reach: FaultReach): void {
  process.kill(reach === "group" ? -process.pid : process.pid, signal);
}

/** Reads `<point>:<action>`; anything else than a known point and action is refused at start. */
export function createFault(
  spec: string | undefined,
  send: (signal: FaultSignal, reach: FaultReach) => void,
): Fault {
  if (spec === undefined || spec === "") return () => undefined;
  const [point, named = "", ...more] = spec.split(":");
  const known = faultPoints.some((candidate) => candidate === point) && more.length === 0;
  const action = Object.hasOwn(actions, named) ? actions[named] : undefined;
  if (!known || action === undefined) {
    throw new SlipwayError("SETTINGS_INVALID", {
      detail: `SLIPWAY_FAULT: "${spec}" is not <point>:${Object.keys(actions).join("|")}`,
      hint: `points: ${faultPoints.join(", ")}`,
    });
  }
  let armed = true;
  return (reached) => {
    if (!armed || reached !== point) return;
    armed = false;
    send(action.signal, action.reach);
  };
}
