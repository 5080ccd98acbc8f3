import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { withJob } from "#common/kit/current-work.ts";
import type { Db } from "#common/store/store.ts";
import { toErrorRow } from "../error-row.ts";
import { traceWait } from "../trace-jobs.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

const maxCrashes = 10;
const crashesToBeAlone = 2;

/** Jobs that a dead worker left in the middle of planning: nothing of them was pushed, so they start again. */
export async function recoverLostJobs(context: LaneContext): Promise<void> {
  const { deps, lane, lease } = context;
  const wanted = { laneId: lane.id, phase: "writing", intent: false } as const;
  if ((await jobs.jobsOfLane(deps.store.db, wanted)).length === 0) return;
  const lost = await deps.store.fenced(lease, async (tx) => {
    const left = await jobs.jobsOfLane(tx, wanted);
    for (const job of left) await giveBackLost(tx, job);
    return left;
  });
  for (const job of lost) deps.store.hint(job.id);
}

async function giveBackLost(tx: Db, job: JobRow): Promise<void> {
  await steps.endOpenSteps(tx, job.id, { outcome: "skipped", detail: "its worker ended; starting again" });
  const crashes = job.crashes + 1;
  if (crashes < maxCrashes) {
    await jobs.moveJob(tx, { id: job.id, event: "lane-lost", patch: { crashes, dueInMs: 0 } });
    return;
  }
  const error = toErrorRow("WORKER_CRASHED", `${crashes} workers ended while they planned it`);
  await jobs.moveJob(tx, { id: job.id, event: "worker-crashed", patch: { crashes, error } });
}

/** The next batch: due jobs of the lane that one push may carry, now `writing`, in their order. */
export async function takeJobs(context: LaneContext, limit: number): Promise<readonly JobRow[]> {
  const { deps, lane, lease } = context;
  const { batch: taken, waitedSeconds } = await deps.store.fenced(lease, async (tx) => {
    const queued = await jobs.takeQueuedJobs(tx, { laneId: lane.id, limit });
    const batch = togetherWith(queued[0], queued).filter((job) => sharesPush(context, queued[0], job));
    const waitedSeconds: number[] = [];
    for (const job of batch) waitedSeconds.push(await begin(tx, job));
    return { batch, waitedSeconds };
  });
  for (const seconds of waitedSeconds) deps.metrics.jobTaken(seconds);
  for (const job of taken) {
    deps.store.hint(job.id);
    withJob(job, () => deps.log.info("job taken"));
    traceWait(deps.tracing, job);
  }
  deps.fault("after-take");
  return taken;
}

/** A job whose workers died is taken by itself, so that only the culprit goes on dying (CORRECTNESS 8). */
function togetherWith(first: JobRow | undefined, queued: readonly JobRow[]): readonly JobRow[] {
  if (first !== undefined && first.crashes >= crashesToBeAlone) return [first];
  return queued.filter((job) => job.crashes < crashesToBeAlone);
}

/** Tells for how many seconds the job had been due. */
async function begin(tx: Db, job: JobRow): Promise<number> {
  const moved = await jobs.moveJob(tx, { id: job.id, event: "taken-by-lane" });
  await steps.appendSteps(tx, job.id, [
    { text: "Calculating release actions.", outcome: "ok" },
    { text: job.headline, outcome: "ok" },
    { text: "Clone the config repo.", open: true },
  ]);
  // Both by Postgres' clock: taken jobs are due at once.
  const dueAt = job.due_at ?? job.created_at;
  return Math.max(0, ((moved.due_at ?? dueAt).getTime() - dueAt.getTime()) / 1_000);
}

/** One push has one credential and one author; a proposal is pushed alone. */
function sharesPush(context: LaneContext, first: JobRow | undefined, job: JobRow): boolean {
  const [a, b] = [first, job].map((row) => environmentNamed(context, row?.environment ?? "")?.git);
  if (a === undefined || b === undefined) return a === b;
  if (a.push === "proposal" || b.push === "proposal") return job.id === first?.id;
  const identity = ({ username, tokenFile, tokenEnv, sshKeyFile, signingKeyFile, author }: typeof a) =>
    JSON.stringify([username, tokenFile, tokenEnv, sshKeyFile, signingKeyFile, author.name, author.email]);
  return identity(a) === identity(b);
}
