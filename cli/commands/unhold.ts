import type { Command } from "commander";

import type { LiftedHolds } from "#common/contracts/automation-http.ts";

import { findWorkloads } from "../lookup.ts";
import { shortWorkload } from "../print/names.ts";
import { safe } from "../print/safe.ts";
import { shortDate } from "../print/time.ts";
import { show } from "../session.ts";
import type { CommonOptions } from "../session.ts";

import { addCommonOptions, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface UnholdOptions extends CommonOptions {
  readonly container?: string;
}

/** `unhold W`: automation may go on. */
export function addUnhold(program: Command, deps: CommandDeps): void {
  const command = program
    .command("unhold <workload>")
    .summary("lift the holds that stop automation of a workload")
    .description(
      "Lifts the holds that a rollback, or an older image chosen by hand, has set on a workload: automation brings the newest eligible image again. A hold that a person wrote into git is taken away by `slipway policy W hold-`.",
    )
    .option("-c, --container <name>", "only this container's")
    .addHelpText("after", "\nExamples:\n  slipway unhold front-end\n  slipway explain front-end");
  addCommonOptions(command).action(
    verb<UnholdOptions>(deps, async (session, options, args) => {
      const [workload] = await findWorkloads(session, args.slice(0, 1));
      if (workload === undefined) return undefined;
      const lifted = await session.api.liftHold(workload, options.container);
      show(session, { data: lifted, names: [lifted.workload], lines: () => lines(lifted) });
      return undefined;
    }),
  );
}

function lines({ workload, lifted }: LiftedHolds): readonly string[] {
  return lifted.map(({ container, image, reason, by, since }) =>
    safe(
      `${shortWorkload(workload)} ${container} is held no more: ${reason} (not to ${image}, by ${by}, ${shortDate(since)})`,
    ),
  );
}
