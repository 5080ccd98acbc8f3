import type { Command } from "commander";

import type { Override } from "#common/contracts/overrides.ts";
import type { SyncRequestInput } from "#common/contracts/requests.ts";

import { findNames } from "../lookup.ts";
import { isQualified } from "../print/names.ts";
import { CliProblem, exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, addStoryOption, consents, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { addMarkOptions, marksOf } from "./marks.ts";
import type { MarkOptions } from "./marks.ts";
import { parseOverrides } from "./overrides.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface SyncOptions extends WaitOptions, MarkOptions {
  readonly all?: boolean;
  readonly message?: string;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
  readonly override?: readonly Override[];
}

const examples = `
Examples:
  slipway sync front-end                # what git declares of it, replicas too unless an autoscaler sets them
  slipway sync -n sock-shop -y          # all that git declares in this namespace, created where it is absent
  slipway sync --all -m "after the restore"

What is as git declares it is left alone, and nothing is ever removed.`;

/** `sync W…|-n NS|--all` */
export function addSync(program: Command, deps: CommandDeps): void {
  const command = program
    .command("sync [workload...]")
    .summary("bring the cluster to what git declares, and wait until healthy")
    .description(
      "Applies what the config repository declares now: of the named workloads, of a namespace, or all of it. The only verb that creates what is absent.",
    )
    .option("--all", "all that git declares (with -n: in that namespace)")
    .option("-m, --message <text>", "why; kept with the job")
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .option("--override <right>", "pass a guard: freeze or window; repeatable", parseOverrides)
    .option("--idempotency-key <key>", "yours: a rerun of the same step syncs once (else a fresh one)")
    .addHelpText("after", examples);
  addStoryOption(addCommonOptions(addWaitOptions(addMarkOptions(command)))).action(
    verb<SyncOptions>(deps, sync),
  );
}

async function sync(session: Session, options: SyncOptions, args: readonly string[]): Promise<ExitCode> {
  const what = await chosen(session, options, args);
  const words = wordsOf(what);
  if (!(await consents(session, options, { question: `Sync ${words}?`, no: "Nothing was synced." })))
    return exitCodes.cancelled;
  const { environment, message, override } = options;
  const body: SyncRequestInput = {
    ...(environment === undefined ? {} : { environment }),
    ...what,
    ...(message === undefined ? {} : { message }),
    ...(override === undefined ? {} : { override: [...override] }),
    ...marksOf(options),
  };
  const job = await session.api.sync(body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, job, options);
}

type What = Pick<SyncRequestInput, "workloads" | "namespace" | "all">;

async function chosen(session: Session, options: SyncOptions, names: readonly string[]): Promise<What> {
  if (names.length > 0 && options.all === true)
    throw usageProblem("Give either workloads or --all, not both");
  if (names.length > 0) return { workloads: [...(await declaredNames(session, names))] };
  if (options.namespace !== undefined) return { namespace: options.namespace };
  if (options.all === true) return { all: true };
  throw usageProblem(
    "Name at least one workload, or give -n NAMESPACE or --all",
    "slipway sync --help has examples",
  );
}

/** What was pushed a moment ago is in no list yet: names in full are passed on as typed. */
async function declaredNames(session: Session, names: readonly string[]): Promise<readonly string[]> {
  try {
    return await findNames(session, names);
  } catch (error) {
    const unknown = error instanceof CliProblem && error.parts.code === "WORKLOAD_NOT_FOUND";
    if (unknown && names.every(isQualified)) return names;
    throw error;
  }
}

function wordsOf({ workloads, namespace }: What): string {
  if (namespace !== undefined) return `namespace ${namespace}`;
  return workloads === undefined ? "everything that git declares" : workloads.join(", ");
}
