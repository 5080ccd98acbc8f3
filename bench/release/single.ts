import type { Job } from "#common/contracts/http.ts";
import { quantile } from "../support/quantile.ts";
import { toRow, type Row } from "../support/row.ts";
import { sharedImage } from "../support/shop.ts";
import { pushesTo } from "../support/stage.ts";
import type { Releases } from "./releases.ts";

export interface SingleOptions {
  readonly name: string;
  /** How many are counted. */
  readonly runs: number;
  /** How many before are not. */
  readonly warmUps: number;
  readonly budget: string;
}

/** From sending the POST until the job has its commit, one at a time. */
export async function singleRow(releases: Releases, options: SingleOptions): Promise<Row> {
  return measurePairs(options, {
    baselineIs: "clone, edit by parse-and-print, push",
    pair: async () => {
      const [service] = releases.nextServices(1);
      if (service === undefined) throw new RangeError("the shop has no services");
      return {
        ours: await secondsToCommit(releases, () => releases.start(service)),
        theirs: await releases.byPeer(service.image),
      };
    },
  });
}

/** One image that many workloads run. */
export async function sharedImageRow(releases: Releases, options: SingleOptions): Promise<Row> {
  return measurePairs(options, {
    baselineIs: "clone, edit by parse-and-print, push",
    pair: async () => ({
      ours: await secondsToCommit(releases, () => releases.startShared()),
      theirs: await releases.byPeer(sharedImage),
    }),
  });
}

/** From sending the POST until the job says that there is nothing to do. */
export async function nothingToDoRow(releases: Releases, options: SingleOptions): Promise<Row> {
  return measurePairs(options, {
    baselineIs: "clone, look, find nothing",
    pair: async () => {
      const [service] = releases.nextServices(1);
      if (service === undefined) throw new RangeError("the shop has no services");
      const ours = await secondsToNothing(releases, () => releases.startNothing(service));
      return { ours, theirs: await releases.nothingByPeer(service.image) };
    },
  });
}

interface Pairs {
  readonly baselineIs: string;
  /** One of ours and one of theirs, in seconds. */
  pair(): Promise<{ readonly ours: number; readonly theirs: number }>;
}

/** Ours and theirs by turns, so that whatever the machine does meanwhile happens to both. */
async function measurePairs(options: SingleOptions, pairs: Pairs): Promise<Row> {
  const { name, budget, warmUps, runs } = options;
  for (let run = 0; run < warmUps; run += 1) await pairs.pair();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const seconds = await pairs.pair();
    ours.push(seconds.ours);
    theirs.push(seconds.theirs);
  }
  return toRow({
    name,
    unit: "s",
    value: quantile(ours, 0.5),
    p99: quantile(ours, 0.99),
    baseline: quantile(theirs, 0.5),
    more: { runs, baselineP99: Number(quantile(theirs, 0.99).toPrecision(4)) },
    budget,
    baselineIs: pairs.baselineIs,
  });
}

/** Polling tells it sooner than the stream of events, whose hints are merged. */
const pollEveryMs = 3;
const pushTimeoutMs = 10_000;

/** The clock stops at the commit; the rollout is waited for, so that the next run finds quiet. */
export async function secondsToCommit(releases: Releases, start: () => Promise<Job>): Promise<number> {
  const { api } = releases.stage;
  const pushes = pushesTo(releases.stage);
  const startedMs = performance.now();
  const { id } = await start();
  await untilPushed(releases, pushes);
  const job = await api.poll(
    async () => {
      const now = await api.job(id);
      return now.commit !== null || now.finishedAt !== null ? now : undefined;
    },
    { everyMs: pollEveryMs, what: `the commit of ${id}` },
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const ended = await api.succeeded(id);
  if (job.commit === null) throw new Error(`release ${id} ended without a commit: ${ended.outcome}`);
  return seconds;
}

/**
 * Waits at the git host, which runs in this process, for the push and its end. Asking the API from
 * the start would take a good part of a core from what is measured.
 */
async function untilPushed({ stage }: Releases, before: number): Promise<void> {
  const { api, world } = stage;
  const untilMs = performance.now() + pushTimeoutMs;
  // Without a push the job tells what happened.
  const come = async () => pushesTo(stage) > before || performance.now() > untilMs || undefined;
  await api.poll(come, { everyMs: 2, what: "the push" });
  await world.git.idle();
}

async function secondsToNothing(releases: Releases, start: () => Promise<Job>): Promise<number> {
  const { api } = releases.stage;
  const startedMs = performance.now();
  const { id } = await start();
  const over = async () => {
    const now = await api.job(id);
    return now.finishedAt === null ? undefined : now;
  };
  const job = await api.poll(over, { everyMs: pollEveryMs, what: `the end of ${id}` });
  const seconds = (performance.now() - startedMs) / 1000;
  if (job.outcome !== "nothing-to-do") throw new Error(`release ${id} ended with ${job.outcome}`);
  return seconds;
}
