import type { Command } from "commander";

import { parseWorkloadId } from "#common/domain/workload.ts";

import type { WorkloadPath } from "../api-client.ts";
import { findWorkloads } from "../lookup.ts";
import { historyLines } from "../print/history.ts";
import { isQualified } from "../print/names.ts";
import { CliProblem } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, parseCount, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface HistoryOptions extends CommonOptions {
  readonly limit: number;
}

/** `history W` */
export function addHistory(program: Command, deps: CommandDeps): void {
  const command = program
    .command("history <workload>")
    .summary("what ran when: by which job, commit and person")
    .description(
      "Lists what Slipway's jobs brought a workload to, newest first, rollbacks included. What others changed, in git or with kubectl, is not known here: git log and the cluster's own events tell.",
    )
    .option("--limit <count>", "how many; 0 is all", parseCount, 20)
    .addHelpText(
      "after",
      "\nExamples:\n  slipway history front-end\n  slipway history front-end -o wide   # whole images, job ids and commits\n  slipway history sock-shop:deployment/front-end --limit 0 -o json",
    );
  addCommonOptions(command).action(verb<HistoryOptions>(deps, showHistory));
}

async function showHistory(
  session: Session,
  options: HistoryOptions,
  args: readonly string[],
): Promise<undefined> {
  const workload = await find(session, args[0] ?? "");
  const history = await session.api.history(workload, options.limit);
  show(session, {
    data: history,
    names: history.entries.map((entry) => entry.job),
    lines: (style) =>
      history.entries.length > 0
        ? historyLines(history.entries, style)
        : ["No job of Slipway's changed it yet."],
  });
  return undefined;
}

/** A workload that is gone has a history too: then its id in full is what there is to go by. */
async function find(session: Session, name: string): Promise<WorkloadPath> {
  try {
    const [found] = await findWorkloads(session, [name]);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof CliProblem) || !isQualified(name)) throw error;
    const { namespace, kind, name: bare } = parseWorkloadId(name);
    const { environment } = session.options;
    if (kind !== undefined && environment !== undefined) return { environment, namespace, kind, name: bare };
    throw error;
  }
  throw new Error(`nothing was found for ${name}`);
}
