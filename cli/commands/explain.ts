import type { Command } from "commander";

import { findWorkloads } from "../lookup.ts";
import { explanationLines } from "../print/explain.ts";
import { safe } from "../print/safe.ts";
import { ageNotes } from "../print/workloads.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, parseCount, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface ExplainOptions extends CommonOptions {
  readonly container?: string;
  readonly limit: number;
}

/** `explain W`: what automation would do, and why. */
export function addExplain(program: Command, deps: CommandDeps): void {
  const command = program
    .command("explain <workload>")
    .summary("why this image: each tag with the reason it was taken or passed over")
    .description(
      "Tells what automation would do with a workload now: what stops it (locks, holds, freezes, old data), and for each tag why it is chosen or not. Nothing is changed.",
    )
    .option("-c, --container <name>", "only this container")
    .option("--limit <count>", "tags per container; 0 is all", parseCount, 15)
    .addHelpText(
      "after",
      "\nExamples:\n  slipway explain front-end\n  slipway explain front-end --limit 0 -o json",
    );
  addCommonOptions(command).action(verb<ExplainOptions>(deps, explain));
}

const allTags = 10_000;

async function explain(
  session: Session,
  options: ExplainOptions,
  args: readonly string[],
): Promise<undefined> {
  const [workload] = await findWorkloads(session, args.slice(0, 1));
  if (workload === undefined) return undefined;
  const { container, limit } = options;
  const told = await session.api.explain(workload, { container, limit: limit === 0 ? allTags : limit });
  show(session, {
    data: told,
    names: told.containers.flatMap(({ to }) => to ?? []),
    lines: (style) => explanationLines(told, style),
  });
  for (const note of ageNotes(told.age)) session.io.err(safe(`Note: ${note}`));
  return undefined;
}
