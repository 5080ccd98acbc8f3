import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { ClosedGate } from "#common/domain/decide.ts";

import type { ApiDeps } from "./deps.ts";

/** The freezes and windows that are closed for a namespace now; this version knows of none. */
export async function closedGates(
  _deps: Pick<ApiDeps, "store">,
  _of: { readonly environment: EnvironmentSettings; readonly namespace: string },
): Promise<readonly ClosedGate[]> {
  return [];
}
