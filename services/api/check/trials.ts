import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { Right, Trial } from "#proto/slipway/release/v1/release.ts";

import type { Age } from "../read-model/age.ts";

type CheckTrial = EnvironmentCheck["cluster"]["reach"];
type CheckRight = EnvironmentCheck["cluster"]["rights"][number];

/** A worker's trial as clients see it; one that a worker of another version did not make has failed. */
export function toTrial(trial: Trial | undefined): CheckTrial {
  if (trial === undefined) return { ok: false, code: null, detail: "was not tried", hint: null };
  const { ok, code, detail, hint } = trial;
  return { ok, code: orNull(code), detail: orNull(detail), hint: orNull(hint) };
}

export function toRight(right: Right): CheckRight {
  return { ...right, namespace: orNull(right.namespace), reason: orNull(right.reason) };
}

/** An older view says nothing about what does not run. */
const freshMs = 10_000;

/** Whether the watcher sees the cluster whole and now. */
export function viewTrial({ clusterMs, clusterComplete, clusterProblem }: Age): CheckTrial {
  const fresh = clusterMs !== null && clusterMs <= freshMs && clusterComplete;
  if (fresh) return { ok: true, code: null, detail: null, hint: null };
  const still = clusterComplete ? "it is not fresh" : "it is still being read";
  return { ok: false, code: "CLUSTER_UNAVAILABLE", detail: clusterProblem ?? still, hint: null };
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}
