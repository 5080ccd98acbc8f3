import type { Command } from "commander";

import { listNames } from "../print/names.ts";
import { safe } from "../print/safe.ts";
import { ageNotes, brokenNotes, policyNotes, workloadLines } from "../print/workloads.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, addStoryOption, collect, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

/** `workloads`, and the names it had: `list-services`, `list-workloads`. */
export function addWorkloads(program: Command, deps: CommandDeps): void {
  for (const name of ["workloads", "list-services", "list-workloads"]) {
    const command = program
      .command(name, { hidden: name !== "workloads" })
      .summary("what runs: containers, images, release state, policy")
      .description(
        "Lists what runs: each workload's containers and images, whether its last release is healthy, and its policies. Also: list-workloads, list-services.",
      )
      .addHelpText(
        "after",
        `\nExamples:\n  slipway ${name} -n sock-shop\n  slipway ${name} -o wide\n  slipway ${name} --behind -l team=web\n  slipway ${name} -o name | xargs -n 1 slipway images`,
      );
    addFilters(command);
    addStoryOption(addCommonOptions(command)).action(
      verb<ListOptions>(deps, (session, options) => listWorkloads(session, options, headingOf(name))),
    );
  }
}

interface ListOptions extends CommonOptions {
  readonly selector?: readonly string[];
  readonly filter?: string;
  readonly behind?: boolean;
  readonly failing?: boolean;
}

function addFilters(command: Command): void {
  command
    .option("-l, --selector <terms>", "only with these labels: key=value, key!=value, key, !key", collect)
    .option("--filter <text>", "only with this in their name or an image")
    .option("--behind", "only where a newer image may run; shows it")
    .option("--failing", "only where the release state is an error");
}

/** SERVICE for the verbs of 2016, else WORKLOAD. */
function headingOf(typed: string): string {
  return typed === "list-services" ? "SERVICE" : "WORKLOAD";
}

async function listWorkloads(session: Session, options: ListOptions, heading: string): Promise<undefined> {
  const { environment, namespace, filter, behind = false, failing = false } = options;
  const state = [behind ? ["behind"] : [], failing ? ["failing"] : []].flat();
  const label = options.selector?.join(",");
  const { workloads, age } = await session.api.workloads({ environment, namespace, filter, label, state });
  const names = listNames(workloads.map((workload) => workload.id));
  const { io } = session;
  const columns = io.outIsTerminal ? io.size().columns : undefined;
  show(session, {
    data: { workloads, age },
    names: workloads.map((workload) => names.get(workload.id) ?? workload.id),
    lines: (style) => workloadLines(workloads, { ...style, heading, newest: behind, columns }),
  });
  const notes = [...ageNotes(age), ...brokenNotes(workloads), ...policyNotes(workloads)];
  for (const note of notes) io.err(safe(`Note: ${note}`));
  return undefined;
}
