import { SlipwayError } from "#common/domain/errors.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

let turn = 0;

/** Asks a worker, each in its turn; the next one where it is away or does not act in that environment. */
export async function askWorker<T>(
  workers: readonly ReleaseServiceClient[],
  ask: (worker: ReleaseServiceClient) => Promise<T>,
): Promise<T> {
  turn = (turn + 1) % Math.max(1, workers.length);
  let last: SlipwayError | undefined;
  // Where there is one address, several workers may stand behind it: it is asked twice.
  for (let asked = 0; asked < Math.max(2, workers.length); asked += 1) {
    const worker = workers[(turn + asked) % Math.max(1, workers.length)];
    if (worker === undefined) break;
    try {
      return await ask(worker);
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== "UNAVAILABLE") throw error;
      last = error;
    }
  }
  throw last ?? new SlipwayError("UNAVAILABLE", { detail: "no release worker is configured" });
}
