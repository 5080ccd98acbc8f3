import { randomUUID } from "node:crypto";

import { sql } from "kysely";

import { pollUntil } from "#common/kit/retry.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import { moveJob } from "#common/store/jobs.ts";
import { ensureLane } from "#common/store/lanes.ts";
import { takeLease } from "#common/store/leases.ts";
import type { HeldLease } from "#common/store/leases.ts";
import type { JobRow, NewJobRow } from "#common/store/schema.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import type { Store } from "#common/store/store.ts";
import { registerWorker } from "#common/store/workers.ts";
import type { JobEvent } from "#common/domain/job.ts";

/** Rows for tests of the store, each with a name nobody else uses. */
export interface StoreWorld {
  readonly store: Store;
  readonly aLane: () => Promise<string>;
  readonly aWorker: () => Promise<string>;
  /** A lease of a worker that lives. */
  readonly aLease: () => Promise<HeldLease>;
  /** As if the worker had not beaten for a minute. */
  readonly silence: (workerId: string) => Promise<void>;
  readonly jobRow: (given?: Partial<NewJobRow>) => Promise<NewJobRow>;
  readonly aJob: (given?: Partial<NewJobRow>) => Promise<NewJobRow>;
  /** A new job after these events. */
  readonly aJobAfter: (events: readonly JobEvent[], given?: Partial<NewJobRow>) => Promise<JobRow>;
  /** Resolves when a session of this database waits for a lock. */
  readonly untilSomebodyWaits: () => Promise<void>;
}

export function createStoreWorld(store: Store): StoreWorld {
  const world: StoreWorld = {
    store,
    aLane: async () => {
      const id = `lane-${randomUUID()}`;
      const laneRef = "refs/slipway/test/main";
      await ensureLane(store.db, { id, url: "https://git.example.com/shop/config", branch: "main", laneRef });
      return id;
    },
    aWorker: async () => {
      const id = randomUUID();
      await registerWorker(store.db, { id, name: `worker-${id.slice(0, 4)}` });
      return id;
    },
    aLease: async () => {
      const lease = await takeLease(store.db, { id: `lane:${randomUUID()}`, owner: await world.aWorker() });
      if (lease === undefined) throw new Error("a new lease was not given");
      return lease;
    },
    silence: async (workerId) => {
      await sql`update workers set beat_at = clock_timestamp() - interval '1 minute' where id = ${workerId}`.execute(
        store.db,
      );
    },
    jobRow: async (given = {}) => ({ ...(await plainJob(world, given.lane_id)), ...given }),
    aJob: async (given) => {
      const job = await world.jobRow(given);
      await acceptJob(store.db, { job });
      return job;
    },
    aJobAfter: async (events, given) => {
      const { id } = await world.aJob(given);
      let job: JobRow | undefined;
      for (const event of events) job = await moveJob(store.db, { id, event });
      if (job === undefined) throw new Error("no event was given");
      return job;
    },
    untilSomebodyWaits: () => untilSomebodyWaits(store),
  };
  return world;
}

async function plainJob(world: StoreWorld, laneId: string | undefined): Promise<NewJobRow> {
  const spec = {
    kind: "release",
    workloads: [],
    all: true,
    exclude: [],
    images: { select: "latest" },
    override: [],
  };
  return {
    id: randomUUID(),
    kind: "release",
    environment: "default",
    lane_id: laneId ?? (await world.aLane()),
    settings_revision: await saveSettingsRevision(world.store.db, { environments: [] }),
    phase: "queued",
    priority: 1,
    origin: "manual",
    headline: "Release latest images to all",
    spec: JSON.stringify(spec),
    requested_by: "tester",
  };
}

async function untilSomebodyWaits(store: Store): Promise<void> {
  const waits = async (): Promise<boolean> => {
    const { rows } = await sql<{ waits: boolean }>`
      select exists (select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock') as waits`.execute(store.db);
    return rows[0]?.waits === true;
  };
  await pollUntil(waits, { everyMs: 5, timeoutMs: 10_000, what: "a session that waits for a lock" });
}
