import type { Command } from "commander";

import { checkLines } from "../print/environment-check.ts";
import { environmentLines } from "../print/environments.ts";
import { stopLines } from "../print/gates.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

/** `environment list`, `environment check NAME`; and `environments`, the list by its short name. */
export function addEnvironments(program: Command, deps: CommandDeps): void {
  const group = program
    .command("environment")
    .summary("the environments: list them, check one")
    .description("The environments: one cluster and one config repository each.");
  addList(group.command("list"), deps, "environment list");
  addCheck(group, deps);
  addList(program.command("environments", { hidden: true }), deps, "environments");
}

function addList(command: Command, deps: CommandDeps, name: string): void {
  command
    .summary("cluster, repository and mode of each")
    .description(
      "Lists the environments: one cluster and one config repository each, and whether Slipway may write (apply), only look (observe) or leaves applying to another (hand-off).",
    )
    .addHelpText(
      "after",
      `\nExamples:\n  slipway ${name}\n  slipway ${name} -o wide   # and how fresh their facts are`,
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
      const isTable = options.output === "table" || options.output === "wide";
      for (const line of isTable ? environments.flatMap(stopLines) : []) session.io.err(`Note: ${line}`);
      return undefined;
    }),
  );
}

function addCheck(group: Command, deps: CommandDeps): void {
  const command = group
    .command("check [name]")
    .summary("whether an environment has all it needs, and how git and cluster match")
    .description(
      "Reads the config repository, asks its host about a push (nothing is pushed), asks the cluster about every right that this mode needs, and tells what runs beside what is declared, with a reason for each that has no partner. Exit 1 when something is missing.",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  slipway environment check production\n  slipway environment check production -o wide   # every workload, not only the first ten\n  slipway environment check production -o json",
    );
  addCommonOptions(command).action(verb(deps, checkEnvironment));
}

async function checkEnvironment(
  session: Session,
  { environment }: CommonOptions,
  args: readonly string[],
): Promise<ExitCode> {
  const name = args[0] ?? environment ?? (await onlyOne(session));
  const check = await session.api.checkEnvironment(name);
  show(session, {
    data: check,
    names: [check.environment],
    lines: ({ wide }) => checkLines(check, { wide, paint: session.outPaint }),
  });
  return check.ok ? exitCodes.ok : exitCodes.failed;
}

async function onlyOne(session: Session): Promise<string> {
  const { environments } = await session.api.environments();
  const [only, ...others] = environments;
  if (only !== undefined && others.length === 0) return only.name;
  const names = environments.map(({ name }) => name).join(", ");
  throw usageProblem("Several environments exist; name one", `there are ${names}`);
}
