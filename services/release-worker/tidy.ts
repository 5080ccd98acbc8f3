import { usualRetention } from "#common/contracts/retention-settings.ts";
import { tidyHistory } from "#common/store/tidy.ts";

import type { WorkerDeps } from "./deps.ts";

const most = 500;

/** Deletes a part of what is kept no longer; whichever worker comes first does it. */
export async function tidy({
  store,
  settings,
  log,
}: Pick<WorkerDeps, "store" | "settings" | "log">): Promise<void> {
  const { jobs: keepJobsMs } = settings.retention ?? usualRetention;
  const tidied = await tidyHistory(store.db, { keepJobsMs, most });
  if (tidied === undefined || Object.values(tidied).every((count) => count === 0)) return;
  log.debug("old history was deleted", { ...tidied });
}
