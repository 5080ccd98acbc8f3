import { timingOf } from "#common/contracts/automation-settings.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { toSlipwayError } from "#common/domain/errors.ts";
import { dropWakesOfOthers, dueDecisions } from "#common/store/automation-wakes.ts";
import type { Settling } from "#common/store/automation-wakes.ts";
import * as leases from "#common/store/leases.ts";
import type { WorkerDeps } from "../deps.ts";
import { decideNow } from "./decide-now.ts";

/** Releases what policies choose, where automation is on. */
export interface AutomationRoom {
  /** Decides every environment that is due, if nobody else does; never throws. */
  look(): Promise<void>;
  stop(): void;
}

const mostDropped = 1_000;

/**
 * Any worker decides. The lease of an environment's decision lets one of them gather, and the transaction
 * that makes the jobs holds it: whoever was frozen meanwhile makes none.
 */
export function createAutomationRoom(deps: WorkerDeps): AutomationRoom {
  const stopping = new AbortController();
  const on = deps.settings.environments.filter(isOn);
  const names = on.map(({ name }) => name);
  let looking = false;
  return {
    async look() {
      if (looking || stopping.signal.aborted) return;
      looking = true;
      try {
        await dropWakesOfOthers(deps.store.db, { environments: names, most: mostDropped });
        if (on.length > 0) await decideDue(deps, on, stopping.signal);
      } catch (error) {
        deps.log.error("automation could not be looked at", { error });
      } finally {
        looking = false;
      }
    },
    stop: () => stopping.abort(),
  };
}

function isOn({ automation, mode }: EnvironmentSettings): boolean {
  return automation === "on" && mode !== "observe";
}

async function decideDue(
  deps: WorkerDeps,
  environments: readonly EnvironmentSettings[],
  signal: AbortSignal,
): Promise<void> {
  const due = await dueDecisions(deps.store.db, environments.map(settlingOf));
  for (const { environment: name } of due) {
    const environment = environments.find((one) => one.name === name);
    if (environment === undefined || signal.aborted) continue;
    try {
      await decideAlone(deps, environment);
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      if (error.code === "LEASE_LOST") deps.log.warn("another worker took this decision over", { name });
      // What one environment meets is no reason to leave the others undecided.
      else deps.log.error("an environment could not be decided", { error, environment: name });
    }
  }
}

async function decideAlone(deps: WorkerDeps, environment: EnvironmentSettings): Promise<void> {
  const { db } = deps.store;
  const lease = await leases.takeLease(db, { id: `automation:${environment.name}`, owner: deps.workerId });
  if (lease === undefined) return;
  try {
    // Whoever held it before may just have decided.
    const [due] = await dueDecisions(db, [settlingOf(environment)]);
    if (due !== undefined) await decideNow({ deps, environment, lease }, due);
  } finally {
    await leases.returnLease(db, lease);
  }
}

function settlingOf(environment: EnvironmentSettings): Settling {
  const { settle, settleLongest } = timingOf(environment);
  return { environment: environment.name, settleMs: settle, longestMs: settleLongest };
}
