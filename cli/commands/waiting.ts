import type { Command } from "commander";

import type { Job } from "#common/contracts/http.ts";

import { dataText } from "../print/data.ts";
import { shortJob } from "../print/names.ts";
import {
  errorLines,
  exitCodeOf,
  outcomeLines,
  plainOutcomeLines,
  storyOutcomeLine,
  storyRollbackLines,
} from "../print/outcome.ts";
import { skipNotes } from "../print/results.ts";
import { safe } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { CommonOptions, Session } from "../session.ts";
import { resumeText, watchJob } from "../watch.ts";
import type { Watched } from "../watch.ts";

import { parseDuration } from "./common.ts";

export interface WaitOptions extends CommonOptions {
  readonly wait: boolean;
  readonly timeout: number;
  /** What to say besides, of a job that failed. */
  readonly hintOf?: (job: Job) => Promise<string | undefined>;
}

const defaultTimeoutMs = 30 * 60_000;

/** `--no-wait` and `--timeout`, for verbs that start a job. */
export function addWaitOptions(command: Command): Command {
  return command
    .option("--no-wait", "return as soon as the job is accepted")
    .addOption(timeoutOption(command));
}

/** `--timeout` alone. */
export function timeoutOption(command: Command) {
  return command
    .createOption("--timeout <duration>", "how long to wait (90s, 10m, 2h); the job goes on, exit 4")
    .argParser(parseDuration)
    .default(defaultTimeoutMs, "30m");
}

/** Says which job was accepted, waits for its end unless told otherwise, prints what became of it. */
export async function waitAndPrint(session: Session, job: Job, options: WaitOptions): Promise<ExitCode> {
  announce(session, job, options);
  if (!options.wait) return exitCodes.ok;
  return await followAndPrint(session, job, options);
}

/** As `waitAndPrint`, for a job that is known already. */
export async function followAndPrint(
  session: Session,
  job: Job,
  { timeout, hintOf }: Pick<WaitOptions, "timeout" | "hintOf">,
): Promise<ExitCode> {
  const watched = await watchJob(session, job, { timeoutMs: timeout });
  if (watched.ended === "over") {
    printOutcome(session, watched);
    const hint = watched.job.error === null ? undefined : await hintOf?.(watched.job);
    if (hint !== undefined) session.io.err(safe(`  ${hint}`));
    return exitCodeOf(watched.job);
  }
  const why = watched.ended === "timeout" ? "Not over yet." : "Detached.";
  session.io.err(safe(`${why} ${resumeText(job)}`));
  printData(session, watched.job);
  return exitCodes.notOver;
}

function announce(session: Session, job: Job, options: WaitOptions): void {
  const { io } = session;
  if (isData(options)) {
    if (!options.wait) printData(session, job);
    return;
  }
  if (options.format === "story" && job.kind === "rollback" && options.wait) return;
  if (options.format === "story") return io.out(safe(`${jobWords[job.kind]} job submitted, ID ${job.id}`));
  if (!options.wait && !io.outIsTerminal) return io.out(safe(`submitted job=${job.id}`));
  if (io.live || !options.wait) {
    io.err(safe(`Job ${shortJob(job.id)}  ${session.api.url}/jobs/${shortJob(job.id)}`));
  }
}

const jobWords = {
  release: "Release",
  rollback: "Rollback",
  policy: "Policy",
  sync: "Sync",
  restart: "Restart",
} as const;

function printOutcome(session: Session, { job, steps }: Watched): void {
  const { io, options, outPaint } = session;
  if (isData(options)) return printData(session, job);
  for (const line of outcome()) io.out(line);
  if (options.format === "story") return;
  if (!io.outIsTerminal) for (const line of errorLines(job)) io.err(line);
  const wide = options.output === "wide";
  const told = !io.outIsTerminal && job.results.every((result) => result.result === "skip");
  if (!told) for (const line of skipNotes(job.results, { wide })) io.err(line);

  function outcome(): readonly string[] {
    if (options.format === "story") {
      return job.kind === "rollback" ? storyRollbackLines(job, steps) : [storyOutcomeLine(job, steps)];
    }
    return io.outIsTerminal ? outcomeLines(job, outPaint) : plainOutcomeLines(job);
  }
}

function isData(options: CommonOptions): boolean {
  return options.output === "json" || options.output === "yaml" || options.output === "name";
}

function printData({ io, options }: Session, job: Job): void {
  if (options.output === "json") io.out(dataText(job));
  if (options.output === "yaml") io.out(dataText(job, io.toYaml));
  if (options.output === "name") io.out(safe(job.id));
}
