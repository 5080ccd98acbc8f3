import type { Command } from "commander";

import type { ApproveRequest } from "#common/contracts/gates.ts";
import type { Job } from "#common/contracts/http.ts";

import { findJob } from "../lookup.ts";
import { changeLines } from "../print/gates.ts";
import { shortJob } from "../print/names.ts";
import { safe } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, consents, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface ApproveOptions extends CommonOptions {
  readonly message?: string;
  readonly yes?: boolean;
}

/** `approve JOB` */
export function addApprove(program: Command, deps: CommandDeps): void {
  const command = program
    .command("approve <job>")
    .summary("consent to what a waiting job would change")
    .description(
      "Consents to a job that waits for approval. Who may is said by the settings of its environment, and never who asked for it. The consent is bound to what the job would change now: should that become something else, people are asked anew.",
    )
    .option("-m, --message <text>", "a comment; kept with the job")
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .addHelpText(
      "after",
      '\nExamples:\n  slipway approve 0c1d8e11\n  slipway approve 0c1d8e11 -y -m "tested on staging"',
    );
  addCommonOptions(command).action(verb<ApproveOptions>(deps, approve));
}

async function approve(
  session: Session,
  options: ApproveOptions,
  args: readonly string[],
): Promise<ExitCode | undefined> {
  const job = await findJob(session, args[0] ?? "");
  if (session.io.interactive && options.yes !== true)
    for (const line of changeLines(job)) session.io.err(line);
  const ask = { question: `Approve ${shortJob(job.id)}?`, no: "Nothing was approved." };
  if (!(await consents(session, options, ask))) return exitCodes.cancelled;
  // What was read is what is consented to, also when a worker plans anew in between.
  const plan = job.planHash === null ? {} : { plan: job.planHash };
  return tell(session, await session.api.approve(job.id, { ...bodyOf(options), ...plan }), "approved");
}

/** `reject JOB` */
export function addReject(program: Command, deps: CommandDeps): void {
  const command = program
    .command("reject <job>")
    .summary("refuse what a waiting job would change: it ends")
    .description(
      "Refuses a job that waits, for approval or for what comes after it. Whoever could approve it may.",
    )
    .option("-m, --message <text>", "why; told to who asked for it")
    .addHelpText("after", '\nExample:\n  slipway reject 0c1d8e11 -m "not before the sale is over"');
  addCommonOptions(command).action(
    verb<ApproveOptions>(deps, async (session, options, args) => {
      const { id } = await findJob(session, args[0] ?? "");
      return tell(session, await session.api.reject(id, bodyOf(options)), "rejected");
    }),
  );
}

function bodyOf({ message }: ApproveOptions): ApproveRequest {
  return message === undefined ? {} : { comment: message };
}

function tell(session: Session, job: Job, word: string): undefined {
  const follow = word === "approved" ? `; follow it with: slipway job ${shortJob(job.id)} -w` : "";
  show(session, { data: job, names: [job.id], lines: () => [safe(`${word} job=${job.id}${follow}`)] });
  return undefined;
}
