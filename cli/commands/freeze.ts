import type { Command } from "commander";

import type { FreezeRequest } from "#common/contracts/gates.ts";

import { freezeLine, liftedLine } from "../print/gates.ts";
import { safe } from "../print/safe.ts";
import { usageProblem } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";
import { parseFuture } from "./instants.ts";

interface FreezeOptions extends CommonOptions {
  readonly message?: string;
  readonly until?: string;
}

/** `freeze [ENV]` */
export function addFreeze(program: Command, deps: CommandDeps): void {
  const command = program
    .command("freeze [environment]")
    .summary("release nothing, until it is lifted")
    .description(
      "Freezes an environment, or with -n one namespace of it: releases, rollbacks, syncs and restarts that people or automation ask for wait until the freeze ends, and go by themselves then. What was pushed already goes on to its end, and a rollout that fails is still undone. It works while git is away. Setting it again replaces it.",
    )
    .requiredOption("-m, --message <text>", "why; shown to everybody who waits")
    .option("--until <time>", "2026-12-01T06:00Z, or from now: 2h (else until unfreeze)")
    .addHelpText(
      "after",
      '\nExamples:\n  slipway freeze production -m "incident 42"\n  slipway freeze production -n payment -m stocktaking --until 2026-12-01T06:00Z\n  slipway unfreeze production',
    );
  addCommonOptions(command).action(verb<FreezeOptions>(deps, freeze));
}

async function freeze(session: Session, options: FreezeOptions, args: readonly string[]): Promise<undefined> {
  const { message = "", until, namespace } = options;
  if (message.trim() === "") throw usageProblem("--message says why; it cannot be empty");
  const body: FreezeRequest = {
    reason: message,
    ...(namespace === undefined ? {} : { namespace }),
    ...(until === undefined ? {} : { until: parseFuture(until, session.io.clock.now()) }),
  };
  const environment = await environmentOf(session, options, args);
  const set = await session.api.freeze(environment, body);
  show(session, {
    data: set,
    names: [set.freeze.environment],
    lines: () => [freezeLine(set.freeze), ...underWayLines(set.underWay)],
  });
  if (namespace !== undefined) await noteUnknown(session, { environment, namespace });
  return undefined;
}

/** It may be filled later, so it is frozen all the same; but whoever mistyped it should hear of it. */
async function noteUnknown(
  { api, io }: Session,
  place: { readonly environment: string; readonly namespace: string },
): Promise<void> {
  const { workloads } = await api.workloads(place);
  if (workloads.length > 0) return;
  io.err(safe(`Note: no workload of a namespace "${place.namespace}" is known in ${place.environment}`));
}

function underWayLines(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) return [];
  const shown = ids.slice(0, 10).map((id) => id.slice(-8));
  const more = ids.length > shown.length ? `, and ${ids.length - shown.length} more` : "";
  return [`${ids.length} job(s) had been pushed already and go on to their end: ${shown.join(", ")}${more}`];
}

/** `unfreeze [ENV]` */
export function addUnfreeze(program: Command, deps: CommandDeps): void {
  const command = program
    .command("unfreeze [environment]")
    .summary("lift a freeze; what waits for it goes by itself")
    .description("Lifts the freeze of an environment, or with -n that of one namespace.")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway unfreeze production\n  slipway unfreeze production -n payment",
    );
  addCommonOptions(command).action(
    verb(deps, async (session, options, args) => {
      const { namespace } = options;
      const lifted = await session.api.unfreeze(await environmentOf(session, options, args), namespace);
      show(session, { data: lifted, names: [lifted.environment], lines: () => [liftedLine(lifted)] });
      return undefined;
    }),
  );
}

/** As an argument or by -e; without either the only one there is. */
export async function environmentOf(
  session: Session,
  { environment }: CommonOptions,
  [named]: readonly string[],
): Promise<string> {
  if (named !== undefined) return named;
  if (environment !== undefined) return environment;
  const { environments } = await session.api.environments();
  const [only, ...others] = environments;
  if (only !== undefined && others.length === 0) return only.name;
  const names = environments.map(({ name }) => name).join(", ");
  throw usageProblem("Several environments exist; name one", `there are ${names}`);
}
