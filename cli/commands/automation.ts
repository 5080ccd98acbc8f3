import type { Command } from "commander";

import { automationLines } from "../print/automation.ts";
import { safe } from "../print/safe.ts";
import { ageNotes } from "../print/workloads.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { environmentOf } from "./freeze.ts";

/** `automation [ENV]`: what moves by itself, or would. */
export function addAutomation(program: Command, deps: CommandDeps): void {
  const command = program
    .command("automation [environment]")
    .summary("what moves by itself now, or would if automation were turned on")
    .description(
      "Lists what automation moves in an environment now, and what has something newer and may not move yet, with the reason. Where automation is off it tells what would move as soon as `automation: on` stands in slipway.yaml. Nothing is changed.",
    )
    .addHelpText("after", "\nExamples:\n  slipway automation\n  slipway automation production -o json");
  addCommonOptions(command).action(verb(deps, automation));
}

async function automation(
  session: Session,
  options: CommonOptions,
  args: readonly string[],
): Promise<undefined> {
  const told = await session.api.automation(await environmentOf(session, options, args));
  show(session, {
    data: told,
    names: told.moves.map(({ workload }) => workload),
    lines: (style) => automationLines(told, style),
  });
  for (const warning of told.warnings) session.io.err(safe(`Warning: ${warning}`));
  for (const note of ageNotes(told.age)) session.io.err(safe(`Note: ${note}`));
  return undefined;
}
