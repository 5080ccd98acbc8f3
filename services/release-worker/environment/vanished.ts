import { toSlipwayError } from "#common/domain/errors.ts";
import * as jobs from "#common/store/jobs.ts";
import { getLane } from "#common/store/lanes.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { isReachable, knowsCommit } from "../knows-commit.ts";
import type { EnvironmentContext } from "./environment-context.ts";

/** Whether the job's commit is on its branch, as this installation knows the branch now. */
export async function isOnBranch(context: EnvironmentContext, job: JobRow): Promise<boolean> {
  const { deps, environment } = context;
  const git = deps.gitOf(environment);
  const commit = job.commit_sha ?? "";
  const tip = (await getLane(deps.store.db, job.lane_id))?.tip ?? "";
  // This worker's cache may be older than another one's push.
  const known = tip !== "" && (await knowsCommit(git, tip));
  return isReachable(git, commit, known ? tip : await git.fetchTip());
}

/** Whether people removed its commit; asked once for each tip. Judging goes on while git is away. */
export async function hasVanished(context: EnvironmentContext, job: JobRow): Promise<boolean> {
  const { deps, seenTips } = context;
  const tip = (await getLane(deps.store.db, job.lane_id))?.tip ?? "";
  if (seenTips.get(job.id) === tip) return false;
  try {
    if (!(await isOnBranch(context, job))) return true;
    seenTips.set(job.id, tip);
  } catch (error) {
    if (!toSlipwayError(error).code.startsWith("GIT_")) throw error;
    deps.log.warn("cannot see whether a commit is still on its branch", { error, job: job.id });
  }
  return false;
}

/** CORRECTNESS 11: it ends superseded, and nothing of it is judged or undone any more. */
export async function endVanished(context: EnvironmentContext, job: JobRow): Promise<void> {
  const { deps, lease } = context;
  await deps.store.fenced(lease, async (tx) => {
    const detail = "the commit was removed from the branch";
    await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail });
    await jobs.moveJob(tx, { id: job.id, event: "landed-and-removed" });
  });
  deps.store.hint(job.id);
}
