import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { gatesClosedFor } from "#common/domain/automation-gates.ts";
import type { ClosedGate } from "#common/domain/decide.ts";
import { stormEnd } from "#common/store/automation-read.ts";
import { readGates } from "#common/store/freezes.ts";

import type { ApiDeps } from "./deps.ts";

/** The freezes and windows that are closed for a namespace now. */
export async function closedGates(
  { store }: Pick<ApiDeps, "store">,
  of: { readonly environment: EnvironmentSettings; readonly namespace: string },
): Promise<readonly ClosedGate[]> {
  const { environment, namespace } = of;
  const [{ now, freezes }, stormUntil] = await Promise.all([
    readGates(store.db, [environment.name]),
    stormEnd(store.db, environment.name),
  ]);
  return gatesClosedFor(namespace, {
    windows: environment.windows ?? [],
    freezes: freezes.map((freeze) => ({ ...freeze, by: freeze.set_by })),
    stormUntil,
    now,
  });
}
