import type { Command } from "commander";

import type { Job } from "#common/contracts/http.ts";

import { findJob } from "../lookup.ts";
import { shortJob } from "../print/names.ts";
import { undoLines } from "../print/results.ts";
import { safe } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, addStoryOption, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface RollbackOptions extends WaitOptions {
  readonly message?: string;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
}

/** `rollback JOB` */
export function addRollback(program: Command, deps: CommandDeps): void {
  const command = program
    .command("rollback <job>")
    .summary("undo a job: write back the images it replaced")
    .description(
      "Writes back exactly the images that the job replaced, in a commit of its own, and waits until they are healthy. Automation is held from climbing again.",
    )
    .option("-m, --message <text>", "why; becomes part of the commit")
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .option("--idempotency-key <key>", "yours: a rerun of the same step rolls back once (else a fresh one)")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway rollback 0c1d8e11\n  slipway rollback 0c1d8e11 -y -m 'checkout answers 500'",
    );
  addStoryOption(addCommonOptions(addWaitOptions(command))).action(verb<RollbackOptions>(deps, rollback));
}

async function rollback(
  session: Session,
  options: RollbackOptions,
  args: readonly string[],
): Promise<ExitCode> {
  const job = await findJob(session, args[0] ?? "");
  const asks = session.io.interactive && options.yes !== true && options.format !== "story";
  if (asks && !(await consents(session, job))) return exitCodes.cancelled;
  const body = options.message === undefined ? {} : { message: options.message };
  const made = await session.api.rollback(job.id, body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, made, options);
}

async function consents({ io }: Session, job: Job): Promise<boolean> {
  for (const line of undoLines(job)) io.err(line);
  const answer = await io.ask(safe(`Roll back ${shortJob(job.id)} on ${job.environment}? [y/N] `));
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return true;
  io.err("Nothing was rolled back.");
  return false;
}
