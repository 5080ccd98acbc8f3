import { queueNames } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isDigest, isTag } from "#common/domain/image-ref.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Bell, Listener } from "#common/kit/queue.ts";
import { withDeadline } from "#common/kit/retry.ts";
import { claimAsked, claimOne, scheduleSummary } from "#common/store/image-claims.ts";
import * as images from "#common/store/images.ts";
import type { RepositoryImages } from "#common/store/images.ts";
import { createClaims } from "./claims.ts";
import type { Claims } from "./claims.ts";
import { refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import { createFlights } from "./flights.ts";
import { knownRepository, knowsTag, lookUpTag, stillAsking } from "./refresh.ts";
import type { TagLook } from "./refresh.ts";
import { scanRepository } from "./scan-repository.ts";
import { createScheduledScans } from "./scheduled-scans.ts";
import type { ScheduledScans } from "./scheduled-scans.ts";
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
  /** One look at a tag (or digest), unless the store knows it. */
  refreshTag(key: string, reference: string): Promise<TagLook>;
  /** Claims what is due and puts it in line. */
  claim(): Promise<void>;
  /** Resolves when no scan runs or waits. */
  idle(): Promise<void>;
}

const ownLookEveryMs = 1_000;
const tellEveryMs = 5_000;
const coolEveryMs = 60_000;
const countEveryMs = 15_000;
const listeners = 10;
/** Callers wait 30 s: they shall hear of a slow registry from us. */
const answerWithinMs = 25_000;

/**
 * Which scanner scans is decided by claims in Postgres alone; the bell only makes it sooner. A scan waits
 * for a place at its host, so that one registry that hangs delays its own repositories and no others.
 */
export function createScanner({ deps: given, bell, wanted }: ScannerOptions): Scanner {
  const stopping = new AbortController();
  const deps: ScanDeps = { ...given, stopping: stopping.signal };
  const flights = createFlights<void>();
  const looks = createFlights<TagLook>();
  const { claimMs } = deps;
  const line: ScheduledScans = createScheduledScans({ deps, flights, onEnd: (host) => claims.ended(host) });
  const claims: Claims = createClaims(deps, line);
  const count = async (): Promise<void> => deps.count.summary(await scheduleSummary(deps.store.db));
  const loops: Promise<void>[] = [];
  let listener: Listener | undefined;

  async function look(subject: string): Promise<void> {
    const key = subject.slice(subject.indexOf(":") + 1);
    const { db } = deps.store;
    const claimed = await claimOne(db, claims.claim, key);
    // Not due: it is being scanned, here or elsewhere, perhaps since before the push.
    const row = claimed ?? (await images.imagesOf(db, [key])).get(key);
    if (row !== undefined && !stopping.signal.aborted) line.add(row, true);
  }

  async function scanAsked(key: string): Promise<void> {
    await knownRepository(deps, key);
    const { host } = refOf(key);
    await deps.budget.asked(host, async () => {
      const row = await claimAsked(deps.store.db, claims.claim, key);
      if (row !== undefined) await scanRepository(deps, { row, reason: "asked" });
    });
  }

  async function idle(): Promise<void> {
    do {
      await Promise.all([claims.idle(), line.idle(), flights.idle(), looks.idle()]);
    } while (line.keys().length > 0);
  }

  return {
    name: "scanner",
    idle,
    claim: () => claims.now(),
    async start() {
      loops.push(repeat(deps, { what: "claim", everyMs: ownLookEveryMs, act: () => claims.now() }));
      loops.push(repeat(deps, { what: "renew", everyMs: claimMs / 3, act: () => claims.renew() }));
      loops.push(repeat(deps, { what: "count", everyMs: countEveryMs, act: count }));
      loops.push(repeat(deps, { what: "tell", everyMs: tellEveryMs, act: () => wanted.tell() }));
      loops.push(repeat(deps, { what: "cool", everyMs: coolEveryMs, act: () => wanted.cool() }));
      listener = await bell.listen(queueNames.scanner, look, { concurrency: listeners });
    },
    async stop() {
      stopping.abort();
      await listener?.close();
      await Promise.all([...loops, idle()]);
      await claims.release();
    },
    async refresh(key) {
      refOf(key); // a name that is none is the caller's mistake, not a registry's
      const late = await inTime(flights.fresh(key, () => scanAsked(key)));
      const repository = await knownRepository(deps, key);
      return late === "late" ? { ...repository, problem: stillAsking(key) } : repository;
    },
    async refreshTag(key, reference) {
      refOf(key);
      if (!isTag(reference) && !isDigest(reference)) throw notATag(reference);
      const repository = await knownRepository(deps, key);
      if (knowsTag(repository, reference)) return { found: true, repository, problem: repository.problem };
      const question = { key, reference, listed: repository.scanned_at !== null };
      const look = await inTime(looks.fresh(`${key} ${reference}`, () => lookUpTag(deps, question)));
      return look === "late" ? { found: false, repository, problem: stillAsking(key) } : look;
    },
  };
}

async function inTime<T>(work: Promise<T>): Promise<T | "late"> {
  try {
    return await withDeadline(work, answerWithinMs);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "UNAVAILABLE") return "late";
    throw error;
  }
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
