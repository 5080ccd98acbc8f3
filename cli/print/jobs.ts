import type { Job, Step } from "#common/contracts/http.ts";

import { changeText } from "./change.ts";
import { shortCommit, shortJob, shortWorkload } from "./names.ts";
import { errorLines, outcomeWord, tookMs } from "./outcome.ts";
import type { Paint } from "./paint.ts";
import { reasonText } from "./results.ts";
import { safe } from "./safe.ts";
import { blockLines, stepLine, type StepStyle } from "./steps.ts";
import type { ShownStyle } from "../session.ts";
import { tableLines } from "./table.ts";
import { durationText, shortDate } from "./time.ts";

/** Newest first, one row per job; wide adds the full id, environment, commit and time taken. */
export function jobLines(
  jobs: readonly Job[],
  style: Omit<ShownStyle, "columns"> & Partial<ShownStyle>,
): readonly string[] {
  const heading = ["JOB", "CREATED", "PHASE", "BY", "WHAT"];
  const more = ["ENVIRONMENT", "COMMIT", "TOOK", "ID"];
  const rows = jobs.map((job) => {
    const row = [shortJob(job.id), shortDate(job.createdAt), phaseText(job), job.requestedBy, job.headline];
    if (!style.wide) return row;
    const commit = job.commit === null ? "" : shortCommit(job.commit);
    const took = job.finishedAt === null ? "" : durationText(tookMs(job));
    return [...row, job.environment, commit, took, job.id];
  });
  return tableLines(
    style.headers ? [style.wide ? [...heading, ...more] : heading, ...rows] : rows,
    style.columns,
  );
}

export interface JobStyle {
  readonly columns: number;
  readonly now: Date;
  readonly paint: Paint;
}

/** Everything about one job on a screen: facts, results, steps, what went wrong, what to do. */
export function jobDetailLines(job: Job, steps: readonly Step[], style: JobStyle): readonly string[] {
  const stepStyle = { ...style, frame: 0 };
  return [
    safe(`Job ${shortJob(job.id)}  ${job.headline}`),
    ...tableLines(factsOf(job)),
    ...(job.results.length > 0 ? ["", ...tableLines(job.results.map(resultRow))] : []),
    ...(steps.length > 0 ? ["", ...steps.flatMap((step) => linesOf(step, stepStyle))] : []),
    ...(job.error === null ? [] : ["", ...errorLines(job)]),
  ];
}

/** What went wrong and nothing else, as `gh run view --log-failed` shows it. */
export function failedStepLines(job: Job, failed: readonly Step[], style: JobStyle): readonly string[] {
  if (failed.length === 0) return [safe(`No step of job ${shortJob(job.id)} failed.`)];
  const stepStyle = { ...style, frame: 0 };
  return [
    ...failed.flatMap((step) => linesOf(step, stepStyle)),
    ...(job.error === null ? [] : ["", ...errorLines(job)]),
  ];
}

function linesOf(step: Step, style: StepStyle): readonly string[] {
  return [stepLine(step, style), ...blockLines(step, style.columns)];
}

function factsOf(job: Job): readonly (readonly string[])[] {
  const facts: readonly (readonly [string, string | null])[] = [
    ["id", job.id],
    ["environment", job.environment],
    ["phase", phaseText(job)],
    ["waiting for", job.waitingFor],
    ["requested by", job.requestedBy],
    ["message", job.message],
    ...Object.entries(job.labels).map(([key, value]) => [key, value] as const),
    ["source", job.sourceSha],
    ["created", shortDate(job.createdAt)],
    ["took", job.finishedAt === null ? null : durationText(tookMs(job))],
    ["commit", job.commit],
    ["undoes", job.rollback.of === null ? null : shortJob(job.rollback.of)],
    ["undone by", undoneBy(job)],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : [["", name, value]]));
}

function undoneBy(job: Job): string | null {
  if (job.rollback.by === null) return null;
  const commit = job.rollback.byCommit === null ? "" : `, commit ${shortCommit(job.rollback.byCommit)}`;
  return `${shortJob(job.rollback.by)}${commit}`;
}

function resultRow(result: Job["results"][number]): readonly string[] {
  const why = result.result === "change" || result.result === "changed" ? "" : reasonText(result);
  return [
    "",
    shortWorkload(result.workload),
    result.container,
    changeText(result, "short"),
    result.result,
    why,
  ];
}

function phaseText(job: Job): string {
  const word = outcomeWord(job);
  return word === job.phase ? job.phase : `${job.phase} (${word})`;
}
