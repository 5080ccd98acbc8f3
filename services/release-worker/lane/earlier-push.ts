import * as intents from "#common/store/intents.ts";
import type { IntentCommit, RecordedCommit } from "#common/store/intents.ts";
import type { JobRow } from "#common/store/schema.ts";
import { isReachable } from "../knows-commit.ts";
import { adopt } from "./adopt.ts";
import { endForgottenPushes } from "./forgotten-pushes.ts";
import type { LaneContext } from "./lane-context.ts";

/**
 * CORRECTNESS 5e: a job whose commit is already in the base is adopted, never written a second
 * time: by the recorded commit, or by its `Release-Job` trailer where people rebased it. Returns
 * the jobs that are still to be written.
 */
export async function adoptEarlierPushes(
  context: LaneContext,
  { base, taken: asked }: { base: string; taken: readonly JobRow[] },
): Promise<readonly JobRow[]> {
  const { deps, lease } = context;
  const forgotten = await endForgottenPushes(context, base);
  const taken = asked.filter(({ id }) => !forgotten.has(id));
  const recorded = await intents.recordedCommits(
    deps.store.db,
    taken.map((job) => job.id),
  );
  if (recorded.length === 0) return taken;
  const found = new Map<string, IntentCommit["plan"] & { commit: string }>();
  for (const earlier of recorded) {
    const commit = await landedAs(context, earlier, base);
    if (commit !== undefined) found.set(earlier.jobId, { ...earlier.plan, commit });
  }
  for (const [jobId, { commit, ...plan }] of found) {
    await deps.store.fenced(lease, (tx) =>
      adopt(tx, context, { jobId, commit, plan, event: "earlier-push-found" }),
    );
    deps.store.hint(jobId);
  }
  return taken.filter((job) => !found.has(job.id));
}

/** The commit as which a recorded one is in the base's history: itself, or what people made of it. */
export async function landedAs(
  context: LaneContext,
  earlier: RecordedCommit,
  base: string,
): Promise<string | undefined> {
  const { git } = context;
  if (await isReachable(git, earlier.commit, base)) return earlier.commit;
  if (!(await isReachable(git, earlier.base, base))) return undefined;
  const carriers = await git.trailersBetween(earlier.base, base);
  return carriers.find((carrier) => carrier.jobs.includes(earlier.jobId))?.commit;
}
