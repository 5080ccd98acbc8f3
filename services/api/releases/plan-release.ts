import type { Plan } from "#common/contracts/http.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

import { askWorker } from "../ask-worker.ts";
import { toPlan } from "../read-model/plan.ts";
import { toWireSpec } from "./release-spec.ts";
import type { ReleaseSpec } from "./release-spec.ts";

/** A plan clones and reads the registry where nobody did before. */
export const planDeadlineMs = 30_000;

/** Asks a worker what the release would change. */
export async function planRelease(
  workers: readonly ReleaseServiceClient[],
  asked: { environment: string; spec: ReleaseSpec },
): Promise<Plan> {
  const request = { environment: asked.environment, spec: toWireSpec(asked.spec) };
  return toPlan(asked.environment, await askWorker(workers, (worker) => worker.plan(request)));
}
