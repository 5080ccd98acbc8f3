import type { Releases } from "../release/releases.ts";
import { secondsToCommit } from "../release/single.ts";
import { quantile } from "../support/quantile.ts";
import { toRow, type Row } from "../support/row.ts";
import { pushesTo } from "../support/stage.ts";
import { gitProcessesTold } from "./worker-logs.ts";

export interface ConcurrentOptions {
  readonly name: string;
  readonly atOnce: number;
  readonly runs: number;
  readonly warmUps: number;
  readonly budget: string;
}

interface Round {
  readonly seconds: number;
  readonly pushes: number;
  /**
   * Of all workers, up to their last push. One that seldom pushes tells late: a round in which the lane
   * changes hands counts what that worker did for earlier rounds too, so only the most is not flattering.
   */
  readonly gitProcesses: number;
}

const singles = 10;
/** One list tells of all of them: asking for each, or often, would be most of the work. */
const pollEveryMs = 20;

/** All at once on one repository, until the last of them has its commit; beside one at a time. */
export async function concurrentRow(releases: Releases, options: ConcurrentOptions): Promise<Row> {
  const { name, atOnce, runs, warmUps, budget } = options;
  const alone: number[] = [];
  for (let run = 0; run < singles; run += 1) {
    const [service] = releases.nextServices(1);
    if (service !== undefined) {
      alone.push(await secondsToCommit(releases, () => releases.start(service)));
    }
  }
  for (let run = 0; run < warmUps; run += 1) await releaseAtOnce(releases, atOnce);
  const rounds: Round[] = [];
  for (let run = 0; run < runs; run += 1) rounds.push(await releaseAtOnce(releases, atOnce));
  const seconds = rounds.map((round) => round.seconds);
  return toRow({
    name,
    unit: "s",
    value: quantile(seconds, 0.5),
    p99: quantile(seconds, 0.99),
    baseline: quantile(alone, 0.5) * atOnce,
    more: {
      pushes: Math.max(...rounds.map((round) => round.pushes)),
      gitProcesses: Math.max(...rounds.map((round) => round.gitProcesses)),
      runs,
    },
    budget,
    baselineIs: `one at a time: ${atOnce} x p50 of ${singles}`,
  });
}

async function releaseAtOnce(releases: Releases, atOnce: number): Promise<Round> {
  const { api } = releases.stage;
  const pushesBefore = pushesTo(releases.stage);
  const processesBefore = await gitProcessesTold(releases.stage);
  const services = releases.nextServices(atOnce);
  const startedMs = performance.now();
  const jobs = await Promise.all(services.map((service) => releases.start(service)));
  const waiting = new Set(jobs.map((job) => job.id));
  await api.poll(
    async () => {
      for (const job of await api.newestJobs(atOnce)) {
        if (job.commit !== null) waiting.delete(job.id);
        else if (job.finishedAt !== null) throw new Error(`release ${job.id} is ${job.phase}`);
      }
      return waiting.size === 0 || undefined;
    },
    { everyMs: pollEveryMs, what: `the commits of ${atOnce} releases` },
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const pushes = pushesTo(releases.stage) - pushesBefore;
  for (const job of jobs) await api.succeeded(job.id);
  // Told long ago: the jobs ended after their rollout, the workers wrote the line after the push.
  const gitProcesses = (await gitProcessesTold(releases.stage)) - processesBefore;
  return { seconds, pushes, gitProcesses };
}
