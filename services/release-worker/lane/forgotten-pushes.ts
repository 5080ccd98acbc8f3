import { forgottenJobs } from "#common/store/forgotten-jobs.ts";
import * as jobs from "#common/store/jobs.ts";
import { getLane } from "#common/store/lanes.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { isReachable } from "../knows-commit.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * A database that was restored from a backup has jobs that are open, and whose commits are on the branch
 * already. They are never written a second time: what came to the branch since the tip on record is
 * looked through for their trailers. Returns the jobs that ended so.
 */
export async function endForgottenPushes(context: LaneContext, tip: string): Promise<ReadonlySet<string>> {
  const { deps, lane, git } = context;
  const recorded = (await getLane(deps.store.db, lane.id))?.tip ?? tip;
  if (recorded === tip || !(await isReachable(git, recorded, tip))) return new Set();
  const commits = new Map(
    (await git.trailersBetween(recorded, tip)).flatMap((one) => one.jobs.map((id) => [id, one.commit])),
  );
  const forgotten = await forgottenJobs(deps.store.db, { laneId: lane.id, ids: [...commits.keys()] });
  for (const { id } of forgotten) {
    const commit = commits.get(id) ?? "";
    await deps.store.fenced(context.lease, (tx) => endWithCommit(tx, { id, commit }));
    deps.log.warn("a job's commit was on the branch before its push was on record", { job: id, commit });
    deps.store.hint(id);
  }
  return new Set(forgotten.map(({ id }) => id));
}

/** What it changed is not known any more, so nothing is rolled out or could be rolled back for it. */
async function endWithCommit(tx: Db, { id, commit }: { id: string; commit: string }): Promise<void> {
  const [job] = await jobs.lockJobs(tx, [id]);
  if (job === undefined) return;
  const short = commit.slice(0, 7);
  await steps.endOpenSteps(tx, id, { outcome: "ok" });
  await steps.appendSteps(tx, id, [
    {
      text: `Pushed commit: ${job.headline}`,
      detail: `${short}, found on the branch: the database is older`,
    },
  ]);
  await jobs.moveJob(tx, { id, event: "adopted-committed", patch: { commit_sha: commit } });
}
