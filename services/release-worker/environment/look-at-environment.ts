import { toSlipwayError } from "#common/domain/errors.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { traced } from "#common/kit/tracing.ts";
import { laneSubject } from "#common/contracts/queue.ts";
import * as jobs from "#common/store/jobs.ts";
import * as leases from "#common/store/leases.ts";
import { withJob } from "#common/kit/current-work.ts";
import type { JobRow } from "#common/store/schema.ts";
import { actsIn, type WorkerDeps } from "../deps.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { applyJob } from "./apply-job.ts";
import { applyPolicies, bringsPolicies } from "./apply-policies.ts";
import { watchCluster } from "./cluster-view.ts";
import { endJob } from "./end-job.ts";
import { createFlights, type Flights } from "./flights.ts";
import { createHandOffDesk } from "./hand-off-desk.ts";
import { nudgeOwners } from "./hand-off-nudge.ts";
import { judgeJob } from "./judge-job.ts";
import { beginRestarts, restartJob } from "./restart-job.ts";
import { syncJob } from "./sync-job.ts";
import { settleUndone } from "./undo.ts";
import { endVanished, hasVanished } from "./vanished.ts";
import { waitUnknown } from "./wait-unknown.ts";

/** How long a turn waits for news of the cluster or of new jobs before it looks by itself. */
const lookEveryMs = 500;
/** Changes of the cluster within this time are looked at together. */
const restMs = 20;
/** A turn ends after this long, so that a worker that stops or is overloaded hands the environment on. */
const turnMs = 10 * 60_000;

/** Turns of one look; each began since jobs came while the one before was ending. */
const maxTurns = 100;

export interface EnvironmentRoom {
  /** Applies and judges the environment's rolling-out jobs, if its lease is free; never throws. */
  look(name: string): Promise<void>;
  stop(): void;
}

export function createEnvironmentRoom(deps: WorkerDeps): EnvironmentRoom {
  const stopping = new AbortController();
  const wakers = new Map<string, () => void>();
  deps.store.onHint(() => {
    for (const wake of wakers.values()) wake();
  });
  return {
    async look(name) {
      const wakeHere = wakers.get(name);
      if (wakeHere !== undefined) return wakeHere();
      const environment = actsIn(deps).find((candidate) => candidate.name === name);
      if (environment === undefined || stopping.signal.aborted) return;
      wakers.set(name, () => undefined);
      try {
        const turn = { deps, environment, wakers, stopping: stopping.signal };
        // A job that came while a turn was ending woke nobody: so once more, with the lease handed back.
        for (let turns = 0; turns < maxTurns && (await lookAtEnvironment(turn)); turns += 1);
      } catch (error) {
        deps.log.error("environment could not be looked at", { error, environment: name });
      } finally {
        wakers.delete(name);
      }
    },
    stop: () => stopping.abort(),
  };
}

interface Turn {
  readonly deps: WorkerDeps;
  readonly environment: EnvironmentSettings;
  readonly wakers: Map<string, () => void>;
  readonly stopping: AbortSignal;
}

/** True when everything that rolled out has ended; false where nothing did, or others go on with it. */
async function lookAtEnvironment(turn: Turn): Promise<boolean> {
  const { deps, environment } = turn;
  if (!(await hasWork(turn))) return false;
  const lease = await leases.takeLease(deps.store.db, {
    id: `environment:${environment.name}`,
    owner: deps.workerId,
  });
  if (lease === undefined) return false;
  const view = watchCluster({
    cluster: deps.cluster,
    environment: environment.name,
    log: deps.log,
    redact: (text) => deps.redact(text),
    monotonicMs: () => deps.clock.monotonicMs(),
    sleep: (ms, signal) => deps.clock.sleep(ms, signal),
  });
  try {
    const handOffs = createHandOffDesk(deps, environment);
    const memory = { clocks: new Map(), seenTips: new Map(), handOffs };
    return await rollOutAll(turn, { deps, environment, lease, view, ...memory });
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    if (error.code !== "LEASE_LOST") throw error;
    deps.log.warn("another worker took this environment over", { environment: environment.name });
    return false;
  } finally {
    view.stop();
    await leases.returnLease(deps.store.db, lease);
  }
}

async function hasWork({ deps, environment }: Turn): Promise<boolean> {
  const { db } = deps.store;
  if ((await jobs.rollingOutJobs(db, environment.name)).length > 0) return true;
  return (await jobs.queuedRestarts(db, environment.name)).length > 0;
}

async function rollOutAll(turn: Turn, context: EnvironmentContext): Promise<boolean> {
  const { deps, environment } = turn;
  const untilMs = deps.clock.monotonicMs() + turnMs;
  const flights = createFlights((job) => withJob(job, () => advance(context, job)));
  try {
    while (!turn.stopping.aborted && deps.clock.monotonicMs() < untilMs) {
      await beginRestarts(context);
      // A row that was read while its job was being moved on may be the one before.
      const busy = flights.busy();
      const rolling = await jobs.rollingOutJobs(deps.store.db, environment.name);
      if (rolling.length === 0) return true;
      if (deps.heartbeat.signal().aborted) return false;
      flights.start(rolling.filter((job) => !busy.has(job.id)));
      await landed(turn, flights);
      await untilNews(turn, context);
    }
    return false;
  } finally {
    await flights.all();
  }
}

/** Waits for all acts, but not for one that hangs: an answer that does not come holds up its job alone. */
async function landed({ deps, stopping }: Turn, flights: Flights): Promise<void> {
  const pause = new AbortController();
  const signal = AbortSignal.any([pause.signal, stopping]);
  const waited = deps.clock.sleep(lookEveryMs, signal).catch(() => undefined); // aborted: all have landed
  await Promise.race([flights.all(), waited]);
  pause.abort();
  flights.rethrow();
}

async function untilNews(turn: Turn, { deps, environment, view }: EnvironmentContext): Promise<void> {
  const news = Promise.withResolvers<void>();
  turn.wakers.set(environment.name, news.resolve);
  const pause = new AbortController();
  const signal = AbortSignal.any([pause.signal, turn.stopping]);
  const waited = deps.clock.sleep(lookEveryMs, signal).catch(() => undefined); // aborted: news came first
  await Promise.race([view.changed(), news.promise, waited]);
  pause.abort();
  await deps.clock.sleep(restMs, turn.stopping).catch(() => undefined); // aborted: the turn's head ends it
}

/** One job's next act; an outside world that is away leaves it where it is, with the reason. */
async function advance(context: EnvironmentContext, job: JobRow): Promise<void> {
  try {
    // What a sync is about is only known once it has looked.
    if (job.kind === "sync" && job.targets.length === 0) return await syncJob(context, job);
    if (bringsPolicies(job)) return await applyPolicies(context, job);
    // Every verdict is known and it still rolls out: it is being undone.
    if (job.targets.every((target) => target.verdict !== "pending")) return await settle(context, job);
    if (job.targets.some((target) => !target.applied && target.verdict === "pending"))
      return await traced(context.deps.tracing, { name: "apply", kind: "internal" }, () =>
        job.kind === "restart" ? restartJob(context, job) : applyJob(context, job),
      );
    // A restart has no commit that could vanish.
    if (job.kind !== "restart" && (await hasVanished(context, job))) return await endVanished(context, job);
    await nudgeOwners(context, job);
    await judgeJob(context, job);
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    if (error.code === "LEASE_LOST" || error.code === "STORE_UNAVAILABLE") throw error;
    context.deps.log.warn("a rollout could not be looked at", { error, job: job.id });
    await waitUnknown(context, job, error.message);
  }
}

async function settle(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease } = context;
  if (await settleUndone(context, job)) return;
  const undoing = await deps.store.fenced(lease, (tx) => endJob(tx, context, job));
  deps.store.hint(job.id);
  if (undoing) await deps.ring(laneSubject(job.lane_id));
}
