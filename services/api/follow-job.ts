import { SlipwayError } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { rollbacksOf } from "#common/store/job-list.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import { listSteps, stepLimit } from "#common/store/steps.ts";

import type { ApiDeps } from "./deps.ts";
import type { SharedReads } from "./events/shared-reads.ts";
import { frame, longestStreamMs, startPulse, writeFrames } from "./events/sse-writer.ts";
import type { Listener } from "./events/sse-writer.ts";
import type { Follower } from "./job-watch.ts";
import { toJob, toStep } from "./read-model/job.ts";

const lookEveryMs = 5_000;

export interface Followed extends Listener {
  readonly jobId: string;
  /** The job's seq that the client has seen already. */
  readonly after: bigint;
  readonly follower: Follower;
  /** Everybody who follows the job is woken at once: they read it once. */
  readonly share: SharedReads;
}

/** Writes a job's events until it ends or nobody listens: every step that came or changed, then the job. */
export async function followJob(deps: Pick<ApiDeps, "store" | "clock" | "log">, f: Followed): Promise<void> {
  const { clock } = deps;
  const untilMs = clock.monotonicMs() + longestStreamMs;
  const place = { after: f.after, told: "" };
  const stopPulse = startPulse(f);
  try {
    while (!f.signal.aborted && clock.monotonicMs() < untilMs) {
      if (await tellNews(deps, f, place)) return;
      await f.follower.next(lookEveryMs, f.signal);
    }
  } finally {
    stopPulse();
  }
}

interface Place {
  after: bigint;
  told: string;
}

/** True when the job is over and the client knows. A database that is away is waited for. */
async function tellNews(deps: Pick<ApiDeps, "store" | "log">, f: Followed, place: Place): Promise<boolean> {
  try {
    const from = { ...place };
    const news = await f.share(`${f.jobId} ${from.after} ${from.told}`, () => readNews(deps, f.jobId, from));
    await writeFrames(f, news.frames);
    Object.assign(place, news.place);
    return news.over;
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== "unavailable") throw error;
    deps.log.debug("a followed job could not be read; it is tried again", { job: f.jobId, error });
    return false;
  }
}

interface News {
  readonly frames: string;
  readonly place: Place;
  readonly over: boolean;
}

async function readNews({ store }: Pick<ApiDeps, "store">, jobId: string, from: Place): Promise<News> {
  // The job before its steps: those of a job that has ended are complete.
  const job = await mustGetJob(store.db, jobId);
  const page = await listSteps(store.db, jobId, { after: from.after, limit: stepLimit });
  const frames = page.steps
    .toSorted((a, b) => Number(a.seq - b.seq))
    .map((row) => frame({ id: String(row.seq), name: "step", data: toStep(row) }));
  const over = isTerminal(job.phase);
  const told = `${job.phase} ${job.waiting_for ?? ""}`;
  if (over || told !== from.told) {
    const undone = await rollbacksOf(store.db, [job.id]);
    const data = toJob(job, undone.get(job.id));
    if (told !== from.told) frames.push(frame({ name: "job", data }));
    if (over) frames.push(frame({ name: "end", data }));
  }
  return { frames: frames.join(""), place: { after: page.next, told }, over };
}
