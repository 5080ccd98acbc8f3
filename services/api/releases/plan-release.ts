import type { Plan } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { PlanRequest, PlanResponse, ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

import { toPlan } from "../read-model/plan.ts";
import { toWireSpec } from "./release-spec.ts";
import type { ReleaseSpec } from "./release-spec.ts";

/** A plan clones and reads the registry where nobody did before. */
export const planDeadlineMs = 30_000;

let turn = 0;

/** Asks a worker what the release would change; a second one when the first is away. */
export async function planRelease(
  workers: readonly ReleaseServiceClient[],
  asked: { environment: string; spec: ReleaseSpec },
): Promise<Plan> {
  const request = { environment: asked.environment, spec: toWireSpec(asked.spec) };
  turn = (turn + 1) % Math.max(1, workers.length);
  const first = workers[turn];
  const second = workers[(turn + 1) % Math.max(1, workers.length)];
  if (first === undefined || second === undefined) {
    throw new SlipwayError("UNAVAILABLE", { detail: "no release worker is configured" });
  }
  return toPlan(asked.environment, await askTwice(first, second, request));
}

async function askTwice(
  first: ReleaseServiceClient,
  second: ReleaseServiceClient,
  request: PlanRequest,
): Promise<PlanResponse> {
  try {
    return await first.plan(request);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "UNAVAILABLE") throw error;
    return second.plan(request);
  }
}
