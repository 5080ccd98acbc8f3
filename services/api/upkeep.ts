import { sweepAudit } from "#common/store/audit-log.ts";
import { sweepBudgets } from "#common/store/rate-budgets.ts";

import type { ApiApp, ApiDeps } from "./deps.ts";

const everyMs = 3_600_000;

/** Forgets what need not be kept any longer, now and every hour. */
export function keepUp(app: ApiApp, deps: Pick<ApiDeps, "store" | "settings" | "log">): void {
  const sweep = (): void => {
    forget(deps).catch((error: unknown) => deps.log.warn("old rows could not be swept", { error }));
  };
  const timer = setInterval(sweep, everyMs);
  timer.unref();
  app.addHook("onClose", async () => clearInterval(timer));
  sweep();
}

async function forget({ store, settings, log }: Pick<ApiDeps, "store" | "settings" | "log">): Promise<void> {
  await sweepBudgets(store.db);
  const entries = await sweepAudit(store.db, settings.auditRetentionDays);
  if (entries > 0) log.info("old audit entries were deleted", { entries, days: settings.auditRetentionDays });
}
