import { SlipwayError } from "#common/domain/errors.ts";

/**
 * Named points before or after an act where tests kill or freeze this process
 * (`SLIPWAY_FAULT=after-push:kill`). In production the list is empty and a point costs nothing.
 */

export const faultPoints = [
  "after-take",
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

/** Reads `point:kill` or `point:freeze`; anything else than a known point is refused at start. */
export function createFault(spec: string | undefined, signal: (name: "SIGKILL" | "SIGSTOP") => void): Fault {
  if (spec === undefined || spec === "") return () => undefined;
  const [point, action, ...more] = spec.split(":");
  const known = faultPoints.some((candidate) => candidate === point) && more.length === 0;
  if (!known || (action !== "kill" && action !== "freeze")) {
    throw new SlipwayError("SETTINGS_INVALID", {
      detail: `SLIPWAY_FAULT: "${spec}" is not <point>:kill or <point>:freeze`,
      hint: `points: ${faultPoints.join(", ")}`,
    });
  }
  let armed = true;
  return (reached) => {
    if (!armed || reached !== point) return;
    armed = false;
    signal(action === "kill" ? "SIGKILL" : "SIGSTOP");
  };
}
