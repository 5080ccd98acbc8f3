import type { ContainerResult, Job, Step } from "#common/contracts/http.ts";

import type { ExitCode } from "../problem.ts";
import { exitCodes } from "../problem.ts";

import { changeText } from "./change.ts";
import { nameOf, shortCommit, shortJob, shortWorkload } from "./names.ts";
import type { Paint } from "./paint.ts";
import { reasonText } from "./results.ts";
import { safe } from "./safe.ts";
import { betweenMs, durationText, secondsText } from "./time.ts";

/** What a finished job means for the process; "not over" for one that is not. */
export function exitCodeOf(job: Job): ExitCode {
  switch (job.phase) {
    case "succeeded":
      return exitCodes.ok;
    case "failed":
      return exitCodes.failed;
    case "rolled-back":
      return exitCodes.rolledBack;
    case "cancelled":
    case "superseded":
      return exitCodes.cancelled;
    default:
      return exitCodes.notOver;
  }
}

/** `✔ succeeded in 31.4 s   commit 3fa94c1   undo: slipway rollback 0c1d8e11`, and why if it did not. */
export function outcomeLines(job: Job, paint: Paint): readonly string[] {
  const good = job.phase === "succeeded";
  const mark = good ? paint.good("✔") : paint.bad(job.phase === "rolled-back" ? "↩" : "✖");
  const parts = [`${mark} ${safe(outcomeWord(job))} in ${durationText(tookMs(job))}`];
  if (job.commit !== null) parts.push(`commit ${safe(shortCommit(job.commit))}`);
  if (job.rollback.byCommit !== null) parts.push(`undone by ${safe(shortCommit(job.rollback.byCommit))}`);
  if (canUndo(job)) parts.push(`undo: slipway rollback ${safe(shortJob(job.id))}`);
  return [parts.join("   "), ...errorLines(job)];
}

/** One line per container for a pipeline: `succeeded sock-shop/front-end front-end 0.2.0 -> … job=… took=…`. */
export function plainOutcomeLines(job: Job): readonly string[] {
  const tail = [
    ...(job.commit === null ? [] : [`commit=${shortCommit(job.commit)}`]),
    `job=${job.id}`,
    `took=${secondsText(tookMs(job))}`,
  ].join(" ");
  const done = job.results.filter((result) => result.result !== "skip");
  const shown = done.length > 0 ? done : job.results.slice(0, 20);
  const lines = shown.map((result) => `${outcomeWord(job)} ${plainResult(result)} ${tail}`);
  const all = lines.length > 0 ? lines : [`${outcomeWord(job)} ${tail}`];
  return all.map(safe);
}

/** `Succeeded in 2.3 s: commit 3fa94c1, 2 lines of deploy/front-end.yaml (image, version label).` */
export function storyOutcomeLine(job: Job, steps: readonly Step[]): string {
  const word = outcomeWord(job).replaceAll("-", " ");
  const headed = `${word.slice(0, 1).toUpperCase()}${word.slice(1)} in ${durationText(tookMs(job))}`;
  const commit = job.commit === null ? [] : [`commit ${shortCommit(job.commit)}`];
  const failure = job.error === null ? [] : [errorText(job.error)];
  const parts = [...commit, ...changedFiles(job, steps), ...failure];
  return safe(parts.length === 0 ? `${headed}.` : `${headed}: ${parts.join(", ")}.`);
}

/** `sock-shop/front-end  7f511af2… -> 0.2.0, healthy in 1.9 s, commit b07d5e2` */
export function storyRollbackLines(job: Job, steps: readonly Step[]): readonly string[] {
  const done = job.results.filter((result) => result.result === "change" || result.result === "changed");
  if (job.phase !== "succeeded" || done.length === 0) return [storyOutcomeLine(job, steps)];
  const word = job.outcome === "succeeded" ? "healthy" : outcomeWord(job);
  const commit = job.commit === null ? "" : `, commit ${shortCommit(job.commit)}`;
  return done.map((result) =>
    safe(
      `${shortWorkload(result.workload)}  ${changeText(result, "short")}, ${word} in ${durationText(tookMs(job))}${commit}`,
    ),
  );
}

/** The finer word where there is one: "nothing-to-do", "committed", "not-merged". */
export function outcomeWord(job: Job): string {
  return job.outcome ?? job.phase;
}

/** From acceptance to the end; 0 while it is not over. */
export function tookMs(job: Job): number {
  return job.finishedAt === null ? 0 : betweenMs(job.createdAt, job.finishedAt);
}

/** Why the job failed and what can be done, one line each. */
export function errorLines(job: Job): readonly string[] {
  if (job.error === null) return [];
  const hint = job.error.hint === null ? [] : [`  ${safe(job.error.hint)}`];
  return [`  ${safe(errorText(job.error))} (${safe(job.error.code)})`, ...hint];
}

function canUndo(job: Job): boolean {
  const over = job.phase === "succeeded" || job.phase === "failed";
  const writes = job.kind !== "sync" && job.kind !== "restart";
  return writes && over && job.commit !== null && job.rollback.by === null;
}

function errorText(error: NonNullable<Job["error"]>): string {
  return error.detail === null ? error.title : `${error.title}: ${error.detail}`;
}

function plainResult(result: ContainerResult): string {
  const { container, reason } = result;
  // "created" and "restarted" say more than an image that stays what it is.
  const isTold = result.result === "skip" || result.result === "failed" || reason !== null;
  const parts = [nameOf(result), container, changeText(result, "full"), isTold ? reasonText(result) : ""];
  return parts.filter((part) => part !== "").join(" ");
}

/** Counts stand in a step's detail ("deploy/front-end.yaml +2 -2 (image, version label)"), files in the results. */
function changedFiles(job: Job, steps: readonly Step[]): readonly string[] {
  const files = new Set(
    job.results.flatMap((result) => (result.result === "skip" || result.file === null ? [] : [result.file])),
  );
  const details = steps.flatMap((step) => (step.detail === null ? [] : [`, ${step.detail}`]));
  return [...files].map((file) => {
    const counts = details.map((text) => countsIn(text, file)).find((found) => found !== null) ?? null;
    if (counts === null) return file;
    const lines = counts[1] === "1" ? "1 line" : `${counts[1] ?? ""} lines`;
    return `${lines} of ${file}${counts[2] === undefined ? "" : ` ${counts[2]}`}`;
  });
}

function countsIn(text: string, file: string): RegExpExecArray | null {
  const at = text.indexOf(`, ${file} +`);
  return at === -1 ? null : /^\+(\d+) -\d+(?: (\([^)]*\)))?/.exec(text.slice(at + file.length + 3));
}
