import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import { CheckEnvironmentResponse } from "#proto/slipway/release/v1/release.ts";
import type { CheckEnvironmentRequest } from "#proto/slipway/release/v1/release.ts";

import { askWorker } from "../ask-worker.ts";
import type { ApiDeps } from "../deps.ts";

/** What a worker finds; that none answers is a finding too, about everything it would have tried. */
export async function askAWorker(
  { workers, log }: Pick<ApiDeps, "workers" | "log">,
  asked: CheckEnvironmentRequest,
): Promise<CheckEnvironmentResponse> {
  try {
    return await askWorker(workers, (worker) => worker.checkEnvironment(asked));
  } catch (error) {
    log.warn("no release worker checked the environment", { environment: asked.environment, error });
    const ours = toSlipwayError(error);
    const { code, detail } = new SlipwayError("UNAVAILABLE", {
      detail: `no release worker could try it: ${ours.message}`,
    });
    const trial = { ok: false, code, detail: detail ?? "", hint: "see that a release worker runs" };
    return CheckEnvironmentResponse.fromPartial({
      git: { read: trial, push: trial },
      cluster: { reach: trial },
    });
  }
}
