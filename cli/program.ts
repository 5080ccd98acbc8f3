import { Command, CommanderError } from "commander";

import { showFirstScreen } from "./first-screen.ts";
import type { Io } from "./io.ts";
import { createPaint } from "./print/paint.ts";
import { problemLines } from "./print/problem.ts";
import { safeBlock } from "./print/safe.ts";
import { CliProblem, exitCodes } from "./problem.ts";
import type { ExitCode } from "./problem.ts";
import { entriesFor } from "./verbs.ts";
import type { VerbEntry } from "./verbs.ts";
import { version } from "./version.ts";

/** Runs one command line; answers what the process should exit with. */
export async function runCli(io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const finish = (next: ExitCode) => {
    code = next;
  };
  try {
    const args = spelledOut(io.args);
    if (args.length === 0) return await showFirstScreen(io);
    const speaking = await withYaml(io);
    const program = await createProgram({ io: speaking, finish, entries: entriesFor(args) });
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    // Commander has told its own mistakes, and help, already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CliProblem)) throw error;
    for (const line of problemLines(error, createPaint(io.errColour))) io.err(line);
    return error.exitCode;
  }
}

/** YAML takes as long to load as everything else: only where a word of the line may ask for it. */
async function withYaml(io: Io): Promise<Io> {
  if (!io.args.some((arg) => arg.includes("yaml"))) return io;
  const { loadYaml } = await import("./print/data.ts");
  return { ...io, toYaml: await loadYaml() };
}

/** `slipway help release` is `slipway release --help`. */
function spelledOut(args: readonly string[]): readonly string[] {
  const [first, ...others] = args;
  return first === "help" ? [...others.filter((other) => !other.startsWith("-")), "--help"] : args;
}

const examples = `
The first minute:
  slipway workloads -n sock-shop          what runs
  slipway images front-end --limit 3      what could run
  slipway release front-end               show the plan, ask, release, wait until healthy
  slipway rollback 0c1d8e11               undo it, by the last eight digits of the job's id

Server: --url and --token, else SLIPWAY_URL and SLIPWAY_TOKEN, else the context of slipway login, else a
running demo upward from here.
Exit: 0 succeeded or nothing to do, 1 failed, 2 usage, 3 rolled back, 4 not over at --timeout,
5 cancelled or superseded, 6 unreachable or refused.`;

export interface ProgramDeps {
  readonly io: Io;
  readonly finish: (code: ExitCode) => void;
  readonly entries: readonly VerbEntry[];
}

/** The program with the verbs of these entries. */
export async function createProgram({ io, finish, entries }: ProgramDeps): Promise<Command> {
  const paint = createPaint(io.errColour);
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
      writeErr: (text) => io.err(safeBlock(text.replace(/\n$/, ""))),
      outputError: (text, write) => write(text.replace(/^error: /, `${paint.bad("slipway:")} `)),
      getOutHelpWidth: () => (io.outIsTerminal ? Math.min(110, io.size().columns) : 110),
      getErrHelpWidth: () => Math.min(110, io.size().columns),
    });
  const programFor = async (words: readonly string[]) =>
    await createProgram({ io, finish, entries: entriesFor(words) });
  for (const entry of entries) {
    const add = await entry.load();
    program.commandsGroup(entry.group);
    add(program, { io, finish, programFor });
  }
  return program;
}
