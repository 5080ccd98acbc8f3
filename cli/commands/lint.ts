import type { Command } from "commander";

import { faultLine } from "../print/manifests.ts";
import { exitCodes } from "../problem.ts";
import { show } from "../session.ts";

import type { CommandDeps } from "./common.ts";
import { readManifestFiles } from "./manifest-files.ts";
import { addManifestOptions } from "./manifest-options.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { inOrder, surveyFiles } from "./manifest-survey.ts";

/** `lint`: what in these files a release would stumble over; fails when there is anything. */
export function addLint(program: Command, deps: CommandDeps): void {
  const lint = program
    .command("lint")
    .argument("<path...>", "files, or folders to look through")
    .summary("what in manifests would stop a release, without a server")
    .description(
      "Tells what does not parse, what is declared twice, policies that mean nothing, and images that cannot be edited safely, each with file and line. Exit 1 when there is anything.",
    );
  addManifestOptions(lint).action(async function runLint(this: Command) {
    const options = this.opts<ManifestOptions>();
    const files = await readManifestFiles(deps.io.cwd, this.args);
    const { faults, findings } = surveyFiles(files, { ...options, cwd: deps.io.cwd });
    const all = inOrder([...faults, ...findings]);
    show(
      { io: deps.io, options },
      {
        data: all,
        names: [...new Set(all.map((finding) => finding.file))],
        lines: () => all.map((finding) => `${faultLine(finding)} (${finding.rule})`),
      },
    );
    deps.io.err(`${files.length} files, ${all.length} findings`);
    deps.finish(all.length === 0 ? exitCodes.ok : exitCodes.failed);
  });
}
