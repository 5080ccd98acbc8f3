import type { Command } from "commander";

import { listNames } from "../print/names.ts";
import { safe } from "../print/safe.ts";
import { ageNotes, brokenNotes, workloadLines } from "../print/workloads.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, addStoryOption, verb } from "./common.ts";
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
        `\nExamples:\n  slipway ${name} -n sock-shop\n  slipway ${name} -o wide\n  slipway ${name} -o name | xargs -n 1 slipway images`,
      );
    addStoryOption(addCommonOptions(command)).action(
      verb(deps, (session, options) => listWorkloads(session, options, headingOf(name))),
    );
  }
}

/** SERVICE for the verbs of 2016, else WORKLOAD. */
function headingOf(typed: string): string {
  return typed === "list-services" ? "SERVICE" : "WORKLOAD";
}

async function listWorkloads(session: Session, options: CommonOptions, heading: string): Promise<undefined> {
  const { environment, namespace } = options;
  const page = await session.api.workloads({ environment, namespace });
  for (const note of ageNotes(page.age)) session.io.err(safe(`Note: ${note}`));
  const names = listNames(page.workloads.map((workload) => workload.id));
  show(session, {
    data: { workloads: page.workloads, age: page.age },
    names: page.workloads.map((workload) => names.get(workload.id) ?? workload.id),
    lines: (style) => workloadLines(page.workloads, { ...style, heading }),
  });
  for (const note of brokenNotes(page.workloads)) session.io.err(safe(`Note: ${note}`));
  return undefined;
}
