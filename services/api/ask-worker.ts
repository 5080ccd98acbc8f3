import { SlipwayError } from "#common/domain/errors.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

let turn = 0;

/** Asks a worker, each in its turn; a second one when the first is away. */
export async function askWorker<T>(
  workers: readonly ReleaseServiceClient[],
  ask: (worker: ReleaseServiceClient) => Promise<T>,
): Promise<T> {
  turn = (turn + 1) % Math.max(1, workers.length);
  const first = workers[turn];
  const second = workers[(turn + 1) % Math.max(1, workers.length)];
  if (first === undefined || second === undefined) {
    throw new SlipwayError("UNAVAILABLE", { detail: "no release worker is configured" });
  }
  try {
    return await ask(first);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "UNAVAILABLE") throw error;
    return ask(second);
  }
}
