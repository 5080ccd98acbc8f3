import { queueNames } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isTag } from "#common/domain/image-ref.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Bell, Listener } from "#common/kit/queue.ts";
import * as images from "#common/store/images.ts";
import type { RepositoryImages, RepositoryRow } from "#common/store/images.ts";
import { refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import { createFlights } from "./flights.ts";
import { knownRepository, knowsTag, lookUpTag } from "./refresh.ts";
import type { TagLook } from "./refresh.ts";
import { claimMs, scanRepository } from "./scan-repository.ts";
import { reasonToScan } from "./schedule.ts";
import type { ScanReason } from "./schedule.ts";
import type { Wanted } from "./wanted.ts";

export interface ScannerOptions {
  readonly deps: Omit<ScanDeps, "stopping">;
  readonly bell: Bell;
  readonly wanted: Wanted;
}

/** Scans what is wanted, on its own and when asked. */
export interface Scanner extends Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** One scan that begins after this call, shared with others who ask meanwhile. */
  refresh(key: string): Promise<RepositoryImages>;
  /** One look at a tag (or digest) the store does not know. */
  refreshTag(key: string, reference: string): Promise<TagLook>;
  /** Claims what is due and starts its scans. */
  claim(): Promise<void>;
  /** Resolves when no scan runs. */
  idle(): Promise<void>;
}

const ownLookEveryMs = 1_000;
const tellEveryMs = 5_000;
const coolEveryMs = 60_000;
const claimLimit = 100;
const busyLimit = 2_000;
const listeners = 10;

/**
 * Which scanner scans is decided by claims in Postgres alone; the bell only makes it sooner. A scan waits
 * for a place at its host, so that one registry that hangs delays its own repositories and no others.
 */
export function createScanner({ deps: given, bell, wanted }: ScannerOptions): Scanner {
  const stopping = new AbortController();
  const deps: ScanDeps = { ...given, stopping: stopping.signal };
  const scans = createFlights<void>();
  const looks = createFlights<TagLook>();
  const loops: Promise<void>[] = [];
  let listener: Listener | undefined;

  function start(row: RepositoryRow, rung: boolean): void {
    const facts = { asked: false, rung, scannedAt: row.scanned_at, failures: row.failures };
    const scan = (): Promise<void> =>
      scanIn(deps, { row, reason: reasonToScan(facts), place: (host, work) => deps.budget.scan(host, work) });
    // A ring tells of what a scan that runs already may have missed.
    const scanned = rung ? scans.fresh(row.key, scan) : scans.unlessBusy(row.key, scan);
    scanned?.catch((error: unknown) => deps.log.error("a scan failed", { repository: row.key, error }));
  }

  /** Starts what is due; whether the rung repository was. */
  async function claim(rungKey?: string): Promise<boolean> {
    let started = false;
    while (!stopping.signal.aborted && scans.busy() < busyLimit) {
      const rows = await images.dueRepositories(deps.store.db, { limit: claimLimit, claimMs });
      for (const row of rows) start(row, row.key === rungKey);
      started ||= rows.some(({ key }) => key === rungKey);
      if (rows.length < claimLimit) break;
    }
    return started;
  }

  async function look(subject: string): Promise<void> {
    const key = subject.slice(subject.indexOf(":") + 1);
    if (await claim(key)) return;
    // Not due: it is being scanned, here or elsewhere, perhaps since before the push.
    const row = (await images.imagesOf(deps.store.db, [key])).get(key);
    if (row !== undefined && !stopping.signal.aborted) start(row, true);
  }

  return {
    name: "scanner",
    claim: async () => void (await claim()),
    idle: async () => void (await Promise.all([scans.idle(), looks.idle()])),
    async start() {
      loops.push(
        repeat(deps, { what: "claim", everyMs: ownLookEveryMs, act: async () => void (await claim()) }),
      );
      loops.push(repeat(deps, { what: "tell", everyMs: tellEveryMs, act: () => wanted.tell() }));
      loops.push(repeat(deps, { what: "cool", everyMs: coolEveryMs, act: () => wanted.cool() }));
      listener = await bell.listen(queueNames.scanner, look, { concurrency: listeners });
    },
    async stop() {
      stopping.abort();
      await listener?.close();
      await Promise.allSettled([...loops, scans.idle(), looks.idle()]);
    },
    async refresh(key) {
      refOf(key); // a name that is none is the caller's mistake, not a registry's
      await scans.fresh(key, async () => {
        const row = await knownRepository(deps, key);
        await scanIn(deps, { row, reason: "asked", place: (host, work) => deps.budget.asked(host, work) });
      });
      return knownRepository(deps, key);
    },
    async refreshTag(key, reference) {
      refOf(key);
      if (!isTag(reference) && !reference.includes(":")) throw notATag(reference);
      const repository = await knownRepository(deps, key);
      if (knowsTag(repository, reference)) return { found: true, repository, problem: repository.problem };
      return looks.fresh(`${key} ${reference}`, () => lookUpTag(deps, key, reference));
    },
  };
}

interface Placed {
  readonly row: RepositoryRow;
  readonly reason: ScanReason;
  readonly place: (host: string, work: () => Promise<void>) => Promise<void>;
}

async function scanIn(deps: ScanDeps, { row, reason, place }: Placed): Promise<void> {
  // By the key's first part alone: a key that is no name must end as a problem of its repository.
  const host = row.key.slice(0, row.key.indexOf("/"));
  await place(host, () => scanRepository(deps, { row, reason }));
}

function notATag(reference: string): SlipwayError {
  return new SlipwayError("IMAGE_REF_INVALID", { detail: `"${reference.slice(0, 140)}" is not a tag` });
}

interface Repeated {
  readonly what: string;
  readonly everyMs: number;
  readonly act: () => Promise<void>;
}

async function repeat(deps: ScanDeps, { what, everyMs, act }: Repeated): Promise<void> {
  while (!deps.stopping.aborted) {
    try {
      await act();
    } catch (error) {
      deps.log.warn("the scanner could not do its regular act", { error, act: what });
    }
    const jitter = 0.9 + deps.random() * 0.2;
    await deps.clock.sleep(everyMs * jitter, deps.stopping).catch(() => undefined); // aborted: the loop's head ends it
  }
}
