import type { Command } from "commander";

import { environmentLines } from "../print/environments.ts";
import { show } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

/** `environments` */
export function addEnvironments(program: Command, deps: CommandDeps): void {
  const command = program
    .command("environments")
    .summary("the environments: cluster, repository, mode")
    .description(
      "Lists the environments: one cluster and one config repository each, and whether Slipway may write (apply), only look (observe) or leaves applying to another (hand-off).",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  slipway environments\n  slipway environments -o wide   # and how fresh their facts are",
    );
  addCommonOptions(command).action(
    verb(deps, async (session, options) => {
      const all = (await session.api.environments()).environments;
      const { environment } = options;
      const environments = all.filter(({ name }) => environment === undefined || name === environment);
      show(session, {
        data: { environments },
        names: environments.map(({ name }) => name),
        lines: (style) => environmentLines(environments, style),
      });
      return undefined;
    }),
  );
}
