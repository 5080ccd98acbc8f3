import type { Command } from "commander";

import type { Override } from "#common/contracts/overrides.ts";

import { findNames } from "../lookup.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, addStoryOption, consents, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { addMarkOptions, marksOf } from "./marks.ts";
import type { MarkOptions } from "./marks.ts";
import { parseOverrides } from "./overrides.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface RestartOptions extends WaitOptions, MarkOptions {
  readonly message?: string;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
  readonly override?: readonly Override[];
}

const examples = `
Examples:
  slipway restart front-end
  slipway restart front-end cart -y -m "new certificate"`;

/** `restart W…` */
export function addRestart(program: Command, deps: CommandDeps): void {
  const command = program
    .command("restart <workload...>")
    .summary("make a workload's pods anew, and wait until healthy")
    .description(
      "Makes the pods of Deployments, StatefulSets and DaemonSets anew, in their own order of a rollout and from the template as it is. Git is neither read nor written.",
    )
    .option("-m, --message <text>", "why; kept with the job")
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .option("--override <right>", "pass a guard: freeze; repeatable", parseOverrides)
    .option("--idempotency-key <key>", "yours: a rerun of the same step restarts once (else a fresh one)")
    .addHelpText("after", examples);
  addStoryOption(addCommonOptions(addWaitOptions(addMarkOptions(command)))).action(
    verb<RestartOptions>(deps, restart),
  );
}

async function restart(
  session: Session,
  options: RestartOptions,
  args: readonly string[],
): Promise<ExitCode> {
  const workloads = await findNames(session, args);
  const ask = { question: `Restart ${workloads.join(", ")}?`, no: "Nothing was restarted." };
  if (!(await consents(session, options, ask))) return exitCodes.cancelled;
  const { environment, message, override } = options;
  const body = {
    ...(environment === undefined ? {} : { environment }),
    workloads: [...workloads],
    ...(message === undefined ? {} : { message }),
    ...(override === undefined ? {} : { override: [...override] }),
    ...marksOf(options),
  };
  const job = await session.api.restart(body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, job, options);
}
