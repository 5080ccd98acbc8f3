import type { ServerResponse } from "node:http";

import { SlipwayError } from "#common/domain/errors.ts";
import { isTerminal } from "#common/domain/job.ts";
import { rollbacksOf } from "#common/store/job-list.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import { listSteps, stepLimit } from "#common/store/steps.ts";

import type { ApiDeps } from "./deps.ts";
import type { Follower } from "./job-watch.ts";
import { toJob, toStep } from "./read-model/job.ts";

const lookEveryMs = 5_000;
const heartbeatMs = 15_000;
const drainMs = 30_000;
/** Then the stream ends, and a client that still cares comes back with its token. */
const longestMs = 3_600_000;

export interface Followed {
  readonly jobId: string;
  /** The job's seq that the client has seen already. */
  readonly after: bigint;
  readonly follower: Follower;
  readonly raw: ServerResponse;
  readonly signal: AbortSignal;
}

/** Writes a job's events until it ends or nobody listens: every step that came or changed, then the job. */
export async function followJob(deps: Pick<ApiDeps, "store" | "clock" | "log">, f: Followed): Promise<void> {
  const { clock } = deps;
  const untilMs = clock.monotonicMs() + longestMs;
  const place = { after: f.after, told: "" };
  const beat = setInterval(() => f.raw.write(":\n\n"), heartbeatMs);
  try {
    while (!f.signal.aborted && clock.monotonicMs() < untilMs) {
      if (await tellNews(deps, f, place)) return;
      await f.follower.next(lookEveryMs, f.signal);
    }
  } finally {
    clearInterval(beat);
  }
}

interface Place {
  after: bigint;
  told: string;
}

/** True when the job is over and the client knows. A database that is away is waited for. */
async function tellNews(deps: Pick<ApiDeps, "store" | "log">, f: Followed, place: Place): Promise<boolean> {
  try {
    // The job before its steps: those of a job that has ended are complete.
    const job = await mustGetJob(deps.store.db, f.jobId);
    await tellSteps(deps, f, place);
    return await tellJob(deps, { followed: f, place, job });
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== "unavailable") throw error;
    deps.log.debug("a followed job could not be read; it is tried again", { job: f.jobId, error });
    return false;
  }
}

async function tellSteps(deps: Pick<ApiDeps, "store">, f: Followed, place: Place): Promise<void> {
  const page = await listSteps(deps.store.db, f.jobId, { after: place.after, limit: stepLimit });
  for (const row of page.steps.toSorted((a, b) => Number(a.seq - b.seq))) {
    await write(f, `id: ${row.seq}\nevent: step\ndata: ${JSON.stringify(toStep(row))}\n\n`);
  }
  place.after = page.next;
}

async function tellJob(
  deps: Pick<ApiDeps, "store">,
  o: { followed: Followed; place: Place; job: JobRow },
): Promise<boolean> {
  const { followed, place, job } = o;
  const over = isTerminal(job.phase);
  const state = `${job.phase} ${job.waiting_for ?? ""}`;
  if (!over && state === place.told) return false;
  const undone = await rollbacksOf(deps.store.db, [job.id]);
  const data = JSON.stringify(toJob(job, undone.get(job.id)));
  if (state !== place.told) await write(followed, `event: job\ndata: ${data}\n\n`);
  if (over) await write(followed, `event: end\ndata: ${data}\n\n`);
  place.told = state;
  return over;
}

/** A client that reads slowly is waited for, one that does not read at all is let go. */
async function write({ raw, signal }: Followed, text: string): Promise<void> {
  if (signal.aborted || raw.destroyed || raw.write(text)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => raw.destroy(), drainMs);
  const go = (): void => resolve();
  raw.once("drain", go);
  signal.addEventListener("abort", go, { once: true });
  await promise;
  raw.off("drain", go);
  signal.removeEventListener("abort", go);
  clearTimeout(timer);
}
