import type { Command } from "commander";

import type { Job } from "#common/contracts/http.ts";
import type { Override } from "#common/contracts/overrides.ts";

import { findJob, findWorkloads, isJobId } from "../lookup.ts";
import { shortJob, shortWorkload } from "../print/names.ts";
import { undoLines } from "../print/results.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, addStoryOption, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { addMarkOptions, marksOf } from "./marks.ts";
import type { MarkOptions } from "./marks.ts";
import { parseOverrides } from "./overrides.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface RollbackOptions extends WaitOptions, MarkOptions {
  readonly message?: string;
  readonly override?: readonly Override[];
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
}

/** `rollback JOB|W` */
export function addRollback(program: Command, deps: CommandDeps): void {
  const command = program
    .command("rollback <job|workload>")
    .summary("undo a job: write back the images it replaced")
    .description(
      "Writes back exactly the images that the job replaced, in a commit of its own, and waits until they are healthy. Automation is held from climbing again. Of a workload, the last job that changed it is undone; where that job changed others too, say which is meant.",
    )
    .option("-m, --message <text>", "why; becomes part of the commit")
    .option(
      "--override <right>",
      "pass one guard, e.g. changed-since: write back also what was changed since; repeatable",
      parseOverrides,
    )
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .option("--idempotency-key <key>", "yours: a rerun of the same step rolls back once (else a fresh one)")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway rollback 0c1d8e11\n  slipway rollback 0c1d8e11 -y -m 'checkout answers 500'\n  slipway rollback front-end",
    );
  addStoryOption(addCommonOptions(addWaitOptions(addMarkOptions(command)))).action(
    verb<RollbackOptions>(deps, rollback),
  );
}

async function rollback(
  session: Session,
  options: RollbackOptions,
  args: readonly string[],
): Promise<ExitCode> {
  const named = args[0] ?? "";
  const job = isJobId(named) ? await findJob(session, named) : await lastChangeOf(session, named);
  const asks = session.io.interactive && options.yes !== true && options.format !== "story";
  if (asks && !(await consents(session, job))) return exitCodes.cancelled;
  const { message, override = [] } = options;
  const body = {
    ...(message === undefined ? {} : { message }),
    ...(override.length === 0 ? {} : { override: [...override] }),
    ...marksOf(options),
  };
  const made = await session.api.rollback(job.id, body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, made, options);
}

/** Jobs of a workload that are looked through for the last one that changed it. */
const searchedJobs = 100;

async function lastChangeOf(session: Session, name: string): Promise<Job> {
  const [workload] = await findWorkloads(session, [name]);
  const query = { environment: workload?.environment, workload: workload?.id };
  const jobs = await session.api.jobs(query, searchedJobs);
  const touched = (job: Job) =>
    new Set(
      job.results
        .filter((result) => result.result !== "skip" && job.commit !== null && writesGit(job))
        .map((one) => one.workload),
    );
  const last = jobs.find((job) => touched(job).has(workload?.id ?? ""));
  if (last === undefined) {
    throw usageProblem(
      `No job of the last ${searchedJobs} changed ${shortWorkload(workload?.id ?? name)}`,
      "slipway release W -i IMAGE brings any image",
    );
  }
  const others = touched(last).size - 1;
  if (others === 0) return last;
  throw usageProblem(
    `Job ${shortJob(last.id)}, the last that changed ${shortWorkload(workload?.id ?? name)}, changed ${others} other ${others === 1 ? "workload" : "workloads"} too`,
    `slipway rollback ${shortJob(last.id)} undoes all of it; slipway release ${name} --to-previous this workload alone`,
  );
}

/** A sync names the commit it applied, which others wrote. */
function writesGit({ kind }: Job): boolean {
  return kind !== "sync" && kind !== "restart";
}

async function consents({ io }: Session, job: Job): Promise<boolean> {
  for (const line of undoLines(job)) io.err(line);
  const answer = await io.ask(safe(`Roll back ${shortJob(job.id)} on ${job.environment}? [y/N] `));
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return true;
  io.err("Nothing was rolled back.");
  return false;
}
