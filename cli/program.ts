import { Command, CommanderError } from "commander";

import { addCerts } from "./commands/certs.ts";
import { addAudit } from "./commands/audit.ts";
import { addEnvironments } from "./commands/environments.ts";
import { addExplain } from "./commands/explain.ts";
import { addHistory } from "./commands/history.ts";
import { addImages } from "./commands/images.ts";
import { addCancel, addEnd, addJob } from "./commands/job.ts";
import { addJobs } from "./commands/jobs.ts";
import { addLint } from "./commands/lint.ts";
import { addManifest } from "./commands/manifest.ts";
import { addPolicy } from "./commands/policy.ts";
import { addRelease } from "./commands/release.ts";
import { addRestart } from "./commands/restart.ts";
import { addRollback } from "./commands/rollback.ts";
import { addSync } from "./commands/sync.ts";
import { addToken } from "./commands/token.ts";
import { addVersion } from "./commands/version.ts";
import { addWorkloads } from "./commands/workloads.ts";
import type { Io } from "./io.ts";
import { createPaint } from "./print/paint.ts";
import { problemLines } from "./print/problem.ts";
import { CliProblem, exitCodes } from "./problem.ts";
import type { ExitCode } from "./problem.ts";
import { version } from "./version.ts";

/** Runs one command line; answers what the process should exit with. */
export async function runCli(io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = createProgram(io, (next) => {
    code = next;
  });
  try {
    await program.parseAsync([...io.args], { from: "user" });
    return code;
  } catch (error) {
    // Commander has told its own mistakes, and help, already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CliProblem)) throw error;
    for (const line of problemLines(error, createPaint(io.errColour))) io.err(line);
    return error.exitCode;
  }
}

const examples = `
The first minute:
  slipway workloads -n sock-shop          what runs
  slipway images front-end --limit 3      what could run
  slipway release front-end               show the plan, ask, release, wait until healthy
  slipway rollback 0c1d8e11               undo it, by the last eight digits of the job's id

Server: --url and --token, else SLIPWAY_URL and SLIPWAY_TOKEN, else a running demo upward from here.
Exit: 0 succeeded or nothing to do, 1 failed, 2 usage, 3 rolled back, 4 not over at --timeout,
5 cancelled or superseded, 6 unreachable or refused.`;

function createProgram(io: Io, finish: (code: ExitCode) => void): Command {
  const program = new Command("slipway")
    .description(
      "From published image to running service: see what runs and what could, release it, undo it.",
    )
    .version(version, "-V, --version", "print this program's version")
    .helpCommand(false)
    .showHelpAfterError("(--help tells more)")
    .addHelpText("after", examples)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.replace(/\n$/, "")),
      writeErr: (text) => io.err(text.replace(/\n$/, "")),
      getOutHelpWidth: () => (io.outIsTerminal ? Math.min(110, io.size().columns) : 110),
      getErrHelpWidth: () => Math.min(110, io.size().columns),
    });
  const deps = { io, finish };
  program.commandsGroup("See:");
  addWorkloads(program, deps);
  addImages(program, deps);
  addExplain(program, deps);
  addHistory(program, deps);
  addJob(program, deps);
  addJobs(program, deps);
  program.commandsGroup("Act:");
  addRelease(program, deps);
  addRollback(program, deps);
  addSync(program, deps);
  addRestart(program, deps);
  addPolicy(program, deps);
  addCancel(program, deps);
  addEnd(program, deps);
  program.commandsGroup("Run it:");
  addEnvironments(program, deps);
  addCerts(program, deps);
  addToken(program, deps);
  addAudit(program, deps);
  addManifest(program, deps);
  addLint(program, deps);
  addVersion(program, deps);
  return program;
}
