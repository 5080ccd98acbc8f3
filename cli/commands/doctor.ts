import type { Command } from "commander";

import type { Finding } from "../doctor/finding.ts";
import { look } from "../doctor/look.ts";
import type { DoctorOptions } from "../doctor/look.ts";
import { createPaint } from "../print/paint.ts";
import { findingLines, verdictLine } from "../print/doctor.ts";
import { exitCodes } from "../problem.ts";
import { show } from "../session.ts";

import { addCommonOptions } from "./common.ts";
import type { CommandDeps } from "./common.ts";

const description =
  "Looks at everything between this terminal and a healthy release, and says what to do where something is wrong: the server and how it was found, TLS, clocks, versions, Postgres, the queue and each service, the token and its right, and every environment in short. Exit 1 when something is wrong.";

/** `doctor` */
export function addDoctor(program: Command, { io, finish }: CommandDeps): void {
  const command = program
    .command("doctor")
    .summary("what stands between you and a release, and what to do about it")
    .description(description)
    .option("--no-environments", "leave the environments out: their checks ask git hosts and clusters")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway doctor\n  slipway doctor -e production\n  slipway doctor --no-environments -o json",
    );
  addCommonOptions(command).action(async (options: DoctorOptions) => {
    const paint = createPaint(io.outColour);
    const isTable = options.output === "table" || options.output === "wide";
    const findings: Finding[] = [];
    for await (const finding of look(io, options)) {
      findings.push(finding);
      // One by one: what is slow shows by what comes last.
      if (isTable) for (const line of findingLines(finding, paint)) io.out(line);
    }
    const isWell = findings.every(({ state }) => state !== "bad");
    if (isTable) io.out(verdictLine(findings));
    else {
      const names = findings.filter(({ state }) => state === "bad").map(({ name }) => name);
      show({ io, options }, { data: { ok: isWell, findings }, names, lines: () => [] });
    }
    finish(isWell ? exitCodes.ok : exitCodes.failed);
  });
}
