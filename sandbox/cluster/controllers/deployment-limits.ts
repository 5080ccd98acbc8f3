import { numberAt, objectAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { scaled } from "./pods-of.ts";

/** How many pods more or fewer than wanted a rolling update may have. */
export interface Limits {
  readonly desired: number;
  readonly surge: number;
  readonly unavailable: number;
}

/** The limits of a Deployment, percentages resolved. */
export function limits(deployment: KubeObject): Limits {
  const desired = numberAt(deployment.spec, "replicas");
  const rolling = objectAt(deployment.spec, "strategy", "rollingUpdate");
  const surge = scaled(rolling["maxSurge"], desired, "up");
  const unavailable = scaled(rolling["maxUnavailable"], desired, "down");
  // Both zero would never move; the real controller then allows one pod to be missing.
  return { desired, surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
