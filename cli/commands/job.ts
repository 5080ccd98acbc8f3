import type { Command } from "commander";

import type { Job, Step } from "#common/contracts/http.ts";

import { findJob } from "../lookup.ts";
import { failedStepLines, jobDetailLines } from "../print/jobs.ts";
import { shortJob } from "../print/names.ts";
import { outcomeWord } from "../print/outcome.ts";
import { safe } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, addStoryOption, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { followAndPrint, timeoutOption } from "./waiting.ts";

interface JobOptions extends CommonOptions {
  readonly watch?: boolean;
  readonly logFailed?: boolean;
  readonly timeout: number;
}

/** `job ID` */
export function addJob(program: Command, deps: CommandDeps): void {
  const command = program
    .command("job <id>")
    .summary("one job: its results and its steps")
    .description("Shows one job, by its id or the last eight digits of it: results, steps, what went wrong.")
    .option("-w, --watch", "follow it to its end, and exit by its outcome")
    .option("--log-failed", "only the steps that failed, with the last words of their containers")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway job 0c1d8e11\n  slipway job 0c1d8e11 -w --timeout 10m\n  slipway job 0c1d8e11 --log-failed\n  slipway job 0c1d8e11 -o json",
    );
  command.addOption(timeoutOption(command));
  addStoryOption(addCommonOptions(command)).action(verb<JobOptions>(deps, showJob));
}

async function showJob(
  session: Session,
  options: JobOptions,
  args: readonly string[],
): Promise<ExitCode | undefined> {
  const job = await findJob(session, args[0] ?? "");
  if (options.watch === true) return await followAndPrint(session, job, { timeout: options.timeout });
  const all = await allSteps(session, job.id);
  const steps = options.logFailed === true ? all.filter((step) => step.outcome === "failed") : all;
  const { io, outPaint } = session;
  show(session, {
    data: { ...job, steps },
    names: [job.id],
    lines: () => {
      const style = { now: io.clock.now(), columns: columnsOf(session), paint: outPaint };
      return options.logFailed === true
        ? failedStepLines(job, steps, style)
        : jobDetailLines(job, steps, style);
    },
  });
  return undefined;
}

const stepPagesLimit = 100;

async function allSteps(session: Session, id: string): Promise<readonly Step[]> {
  const steps = new Map<number, Step>();
  let after = 0;
  for (let page = 1; page <= stepPagesLimit; page += 1) {
    const answer = await session.api.steps(id, after);
    for (const step of answer.steps) steps.set(step.number, step);
    if (answer.steps.length === 0) break;
    after = answer.next;
  }
  return [...steps.values()].sort((a, b) => a.number - b.number);
}

/** A file or a pipe has no edge to stay within. */
function columnsOf({ io }: Session): number {
  return io.outIsTerminal ? io.size().columns : 400;
}

/** `cancel JOB` */
export function addCancel(program: Command, deps: CommandDeps): void {
  const command = program
    .command("cancel <job>")
    .summary("stop a job that has not written yet")
    .description("Cancels a job that waits or has not pushed its commit yet; later, roll it back instead.")
    .addHelpText("after", "\nExample:\n  slipway cancel 0c1d8e11");
  addCommonOptions(command).action(verb(deps, cancelJob));
}

async function cancelJob(
  session: Session,
  _options: CommonOptions,
  args: readonly string[],
): Promise<undefined> {
  const { id } = await findJob(session, args[0] ?? "");
  const job = await session.api.cancel(id, session.io.newKey());
  show(session, { data: job, names: [job.id], lines: () => [cancelLine(job)] });
  return undefined;
}

function cancelLine(job: Job): string {
  const word = outcomeWord(job);
  const short = shortJob(job.id);
  if (job.phase === "cancelled") return safe(`cancelled job=${job.id}`);
  return safe(`cancel requested job=${job.id} phase=${word}; follow it with: slipway job ${short} -w`);
}

interface EndOptions extends CommonOptions {
  readonly message?: string;
  readonly yes?: boolean;
}

/** `end JOB` */
export function addEnd(program: Command, deps: CommandDeps): void {
  const command = program
    .command("end <job>")
    .summary("give up a job whose push nobody can tell the outcome of")
    .description(
      "Ends a job that has waited for 30 minutes or more to hear what became of its push. Git may still hold or receive its commit: the lane looks for it before it does anything else, shuts out every copy of the push, and undoes the commit with a job of its own if it had landed. Later, or before, there are better ways: slipway rollback, slipway cancel.",
    )
    .option("-m, --message <text>", "why; kept in the job's log")
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .addHelpText("after", "\nExample:\n  slipway end 0c1d8e11 -m 'the git host is gone for good'");
  addCommonOptions(command).action(verb<EndOptions>(deps, endJob));
}

async function endJob(
  session: Session,
  options: EndOptions,
  args: readonly string[],
): Promise<ExitCode | undefined> {
  const { id, headline } = await findJob(session, args[0] ?? "");
  const asks = session.io.interactive && options.yes !== true;
  if (asks && !(await consentsToEnd(session, { id, headline }))) return exitCodes.cancelled;
  const body = options.message === undefined ? {} : { message: options.message };
  const job = await session.api.end(id, body, session.io.newKey());
  const line = `ended job=${job.id} outcome=${outcomeWord(job)}`;
  show(session, { data: job, names: [job.id], lines: () => [safe(line)] });
  return undefined;
}

async function consentsToEnd({ io }: Session, job: Pick<Job, "id" | "headline">): Promise<boolean> {
  io.err(safe(job.headline));
  io.err("Git may still hold or receive its commit; if it does, the commit is undone when that is seen.");
  const answer = await io.ask(safe(`End ${shortJob(job.id)}, its outcome unknown? [y/N] `));
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return true;
  io.err("Nothing was ended.");
  return false;
}
