import type { Command } from "commander";

import type { Workload } from "#common/contracts/http.ts";
import type { WorkloadPolicy } from "#common/contracts/policy-http.ts";

import { findWorkloads } from "../lookup.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { openSession, show } from "../session.ts";
import type { Session } from "../session.ts";

import { addCommonOptions } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { showPlan } from "./show-plan.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface StripOptions extends WaitOptions {
  readonly all?: true;
  readonly message?: string;
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

const askedAtOnce = 8;
/** What one policy job takes. */
const mostWorkloads = 1_000;
const own = "slipway.dev/";

/** `policy strip`: takes every annotation of ours out of the config repository, as one commit. */
export function addPolicyStrip(policy: Command, deps: CommandDeps): void {
  const command = policy
    .command("strip")
    .argument("[workload...]", "workloads (else --all)")
    .summary("take Slipway's own annotations out of the config repository, as one commit")
    .description(
      "Removes every annotation slipway.dev/… of the workloads, as one commit: for moving away. What Flux wrote (fluxcd.io/, flux.weave.works/) stays; a key that stands under both names is left alone and named.",
    )
    .option("--all", "every workload of the environment, of one namespace with -n")
    .option("-m, --message <text>", "why; becomes part of the commit")
    .option("--dry-run", "show the plan and its diff; nothing is stored or written")
    .option("--idempotency-key <key>", "yours: a rerun of the same step changes once (else a fresh one)")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway policy strip --all --dry-run\n  slipway policy strip --all -m 'we move to Argo CD'",
    );
  addCommonOptions(addWaitOptions(command));
  command.action(async function run(this: Command) {
    // What `policy` has by the same name is read there, though it stands behind "strip".
    const options = this.optsWithGlobals<StripOptions>();
    const session = await openSession(deps.io, options);
    deps.finish((await strip(session, options, this.args)) ?? exitCodes.ok);
  });
}

async function strip(
  session: Session,
  options: StripOptions,
  names: readonly string[],
): Promise<ExitCode | undefined> {
  if ((names.length === 0) !== (options.all === true)) {
    throw usageProblem("Name workloads, or give --all", "slipway policy strip --help has examples");
  }
  const workloads = options.all === true ? await everyWorkload(session) : await findWorkloads(session, names);
  const found = (await readPolicies(session, workloads)).map(keysToStrip);
  for (const { workload, kept } of found) {
    for (const key of kept) session.io.err(safe(`Note: ${workload}: ${key} is also Flux's, and stays`));
  }
  const changes = found
    .filter(({ keys }) => keys.length > 0)
    .map(({ workload, keys }) => ({ workload, set: Object.fromEntries(keys.map((key) => [key, null])) }));
  if (changes.length === 0) return nothingToStrip(session);
  if (changes.length > mostWorkloads) {
    throw usageProblem(
      `${changes.length} workloads are more than one commit takes`,
      "Strip one namespace at a time: -n",
    );
  }
  const { environment, message } = options;
  const body = {
    ...(environment !== undefined && { environment }),
    changes,
    ...(message !== undefined && { message }),
  };
  if (options.dryRun === true) return showPlan(session, await session.api.planPolicies(body));
  const job = await session.api.changePolicies(body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, job, options);
}

function nothingToStrip(session: Session): undefined {
  const says = `No annotation ${own}… is declared`;
  show(session, { data: { changes: [] }, names: [], lines: () => [says] });
  return undefined;
}

async function everyWorkload(session: Session): Promise<readonly Workload[]> {
  const { environment, namespace } = session.options;
  const { workloads } = await session.api.workloads({ environment, namespace });
  return workloads.filter(({ declared }) => declared !== null);
}

async function readPolicies(
  session: Session,
  workloads: readonly Workload[],
): Promise<readonly WorkloadPolicy[]> {
  const policies: WorkloadPolicy[] = [];
  for (let from = 0; from < workloads.length; from += askedAtOnce) {
    const some = workloads.slice(from, from + askedAtOnce);
    policies.push(...(await Promise.all(some.map((workload) => session.api.policy(workload)))));
  }
  return policies;
}

/** To take a key away takes it from every prefix: so where Flux has it too, it is left. */
function keysToStrip({ workload, parts }: WorkloadPolicy): {
  readonly workload: string;
  readonly keys: readonly string[];
  readonly kept: readonly string[];
} {
  const annotations = parts.filter(({ source }) => source.kind === "annotation");
  const isOurs = ({ source }: (typeof annotations)[number]): boolean => source.name.startsWith(own);
  const ours = [...new Set(annotations.filter(isOurs).map(({ key }) => key))];
  const theirs = new Set(annotations.filter((part) => !isOurs(part)).map(({ key }) => key));
  return {
    workload,
    keys: ours.filter((key) => !theirs.has(key)),
    kept: ours.filter((key) => theirs.has(key)),
  };
}
