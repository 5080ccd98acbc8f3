import { Option } from "commander";
import type { Command } from "commander";

import { policyFault, policyKeyWords } from "#common/domain/policy-values.ts";
import { policyPrefixes } from "#common/domain/policy.ts";
import { filterWarnings } from "#common/domain/tag-filter.ts";
import type { PolicyPrefix } from "#common/domain/policy.ts";

import { findNames, findWorkloads } from "../lookup.ts";
import { policyLines } from "../print/policy.ts";
import { safe } from "../print/safe.ts";
import { usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { isChange, parseChanges, tagChanges } from "./policy-changes.ts";
import type { PolicySet } from "./policy-changes.ts";
import { addPolicyStrip } from "./policy-strip.ts";
import { addPolicyTest } from "./policy-test.ts";
import { showPlan } from "./show-plan.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface PolicyOptions extends WaitOptions {
  readonly message?: string;
  readonly dryRun?: boolean;
  readonly tag?: readonly string[];
  readonly tagAll?: string;
  readonly prefix?: PolicyPrefix;
  readonly idempotencyKey?: string;
}

const examples = `
Examples:
  slipway policy front-end                                   # what counts, and where each part stands
  slipway policy front-end tag.front-end='semver:~1.4' min_age=30m
  slipway policy front-end hold="slow since Monday"          # a stop for automation; hold- lifts it
  slipway policy cart user locked=true -m "audit" --dry-run  # several in one commit; shows the diff

Keys: ${policyKeyWords}.`;

/** `policy W… [k=v|k-]…`, and `policy test`, which needs no server. */
export function addPolicy(program: Command, deps: CommandDeps): void {
  const policy = program
    .command("policy")
    .argument("[workload...]", "workloads, then changes: key=value to write, key- to take away")
    .summary("show or change policies: filters, locks, holds, ages")
    .description(
      "Without changes shows the policies that count for a workload and where each part stands. With changes writes them to the config repository as one commit.",
    )
    .addHelpText("after", examples);
  addChangeOptions(policy, { tags: true });
  policy.action(verb<PolicyOptions>(deps, showOrChange));
  addPolicyTest(policy, deps);
  addPolicyStrip(policy, deps);
  for (const { name, set, summary, text, example } of verbs) {
    const command = program.command(`${name} <workload...>`).summary(summary).description(text);
    command.addHelpText("after", `\nExample:\n  slipway ${name} ${example}`);
    addChangeOptions(command, { tags: name === "automate" });
    command.action(
      verb<PolicyOptions>(deps, (session, options, args) =>
        change(session, options, { names: args, set: { ...tagChanges(options), ...set } }),
      ),
    );
  }
}

const verbs: readonly { name: string; set: PolicySet; summary: string; text: string; example: string }[] = [
  {
    name: "automate",
    set: { automated: "true" },
    summary: "let new images that its filters choose be released by themselves",
    text: "Turns automation on for workloads. Each container needs a tag filter: give --tag CONTAINER=FILTER, or --tag-all newest to follow the newest image of all.",
    example: "front-end --tag front-end='semver:~1.4'",
  },
  {
    name: "deautomate",
    set: { automated: null },
    summary: "leave releases of it to people",
    text: "Turns automation off for workloads. Their tag filters stay.",
    example: "front-end -m 'until the sale is over'",
  },
  {
    name: "lock",
    set: { locked: "true" },
    summary: "nothing is released to it until it is unlocked",
    text: "Locks workloads: releases and automation leave them alone. The lock says who set it, and with -m why.",
    example: "front-end -m 'audit until Monday'",
  },
  {
    name: "unlock",
    set: { locked: null },
    summary: "take a lock away",
    text: "Takes the lock of workloads away.",
    example: "front-end",
  },
];

function addChangeOptions(command: Command, o: { readonly tags: boolean }): void {
  command
    .option("-m, --message <text>", "why; becomes part of the commit, and of a lock")
    .option("--dry-run", "show the plan and its diff; nothing is stored or written");
  if (o.tags) {
    command
      .option("--tag <container=filter>", "the tag filter of a container; repeatable", gather)
      .option("--tag-all <filter>", "the tag filter of every container that --tag does not name");
  }
  command
    .addOption(
      new Option("--prefix <prefix>", "for keys a workload does not have yet (else the one it uses)").choices(
        policyPrefixes,
      ),
    )
    .option("--idempotency-key <key>", "yours: a rerun of the same step changes once (else a fresh one)");
  addCommonOptions(addWaitOptions(command));
}

/** A filter may hold commas. */
function gather(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

async function showOrChange(
  session: Session,
  options: PolicyOptions,
  words: readonly string[],
): Promise<ExitCode | undefined> {
  const from = words.findIndex(isChange);
  const names = from === -1 ? words : words.slice(0, from);
  const set = { ...tagChanges(options), ...parseChanges(from === -1 ? [] : words.slice(from)) };
  if (names.length === 0)
    throw usageProblem("Name at least one workload", "slipway policy --help has examples");
  if (Object.keys(set).length === 0) return showPolicies(session, names);
  return change(session, options, { names, set });
}

async function showPolicies(session: Session, names: readonly string[]): Promise<undefined> {
  const workloads = await findWorkloads(session, names);
  const policies = await Promise.all(workloads.map((workload) => session.api.policy(workload)));
  const [only] = policies;
  show(session, {
    data: policies.length === 1 ? only : policies,
    names: policies.flatMap((policy) => policy.parts.filter(({ counts }) => counts).map(({ key }) => key)),
    lines: (style) =>
      policies.flatMap((policy, at) => [...(at === 0 ? [] : [""]), ...policyLines(policy, style)]),
  });
  return undefined;
}

async function change(
  session: Session,
  options: PolicyOptions,
  asked: { readonly names: readonly string[]; readonly set: PolicySet },
): Promise<ExitCode> {
  for (const [key, value] of Object.entries(asked.set)) refuseSlip(key, value);
  for (const warning of oddities(asked.set)) session.io.err(safe(`Note: ${warning}`));
  const workloads = await findNames(session, asked.names);
  const { environment, message, prefix } = options;
  const body = {
    ...(environment === undefined ? {} : { environment }),
    changes: workloads.map((workload) => ({ workload, set: { ...asked.set } })),
    ...(message === undefined ? {} : { message }),
    ...(prefix === undefined ? {} : { prefix }),
  };
  if (options.dryRun === true) return showPlan(session, await session.api.planPolicies(body));
  const job = await session.api.changePolicies(body, options.idempotencyKey ?? session.io.newKey());
  return await waitAndPrint(session, job, options);
}

/** Filters that can be read and may not mean what they seem to. */
function oddities(set: PolicySet): readonly string[] {
  return Object.entries(set).flatMap(([key, value]) =>
    value !== null && key.startsWith("tag") ? filterWarnings(value) : [],
  );
}

/** A slip of the keys needs no server to be told. */
function refuseSlip(key: string, value: string | null): void {
  if (key === "tag_all") return;
  const fault = policyFault(key, value);
  if (fault !== undefined) throw usageProblem(fault, "slipway policy --help lists the keys");
}
