import { Argument } from "commander";
import type { Command } from "commander";

import { completionOf } from "../complete/candidates.ts";
import type { Candidate, Completion, Wanted } from "../complete/candidates.ts";
import { scripts, shells } from "../complete/scripts.ts";
import type { Shell } from "../complete/scripts.ts";
import { contextNames, lookUp } from "../complete/values.ts";
import { wordsOf } from "../complete/words.ts";
import type { Io } from "../io.ts";
import { safe } from "../print/safe.ts";
import { CliProblem, exitCodes } from "../problem.ts";
import { openSession } from "../session.ts";

import type { CommandDeps } from "./common.ts";

const shellArgument = (about: string) => new Argument("<shell>", about).choices(shells);

/** `completion SHELL` */
export function addCompletion(program: Command, { io, finish }: CommandDeps): void {
  program
    .command("completion")
    .summary("complete verbs, flags, workloads, images and jobs at the Tab key")
    .description(
      "Prints what a shell has to read once to complete slipway's verbs and flags, and the names of workloads, containers, images, jobs, environments and contexts, which are asked of the server and kept for twenty seconds.",
    )
    .addArgument(shellArgument("bash, zsh or fish"))
    .addHelpText(
      "after",
      '\nExamples:\n  eval "$(slipway completion bash)"                # in ~/.bashrc\n  eval "$(slipway completion zsh)"                 # in ~/.zshrc, after compinit\n  slipway completion fish > ~/.config/fish/completions/slipway.fish',
    )
    .action((shell: Shell) => {
      io.out(scripts[shell]);
      finish(exitCodes.ok);
    });
}

/** What the scripts call at each Tab: the line up to the cursor, and what bash breaks words at. */
export function addComplete(program: Command, deps: CommandDeps): void {
  program
    .command("__complete", { hidden: true })
    .addArgument(shellArgument("who asks"))
    .argument("<line>")
    .argument("[breaks]")
    .action(async (shell: Shell, line: string, breaks: string = "") => {
      const words = wordsOf(line).slice(1);
      const completion = completionOf(await deps.programFor(words), words);
      const { candidates, isFiles } = await allCandidates(deps.io, completion);
      if (isFiles) deps.io.out(":files");
      for (const text of linesFor(shell, completion, { candidates, breaks })) deps.io.out(text);
      deps.finish(exitCodes.ok);
    });
}

async function allCandidates(io: Io, completion: Completion) {
  const isFiles = completion.wanted.includes("files");
  const dynamic = completion.wanted.filter((wanted) => wanted !== "files");
  const candidates = [...completion.candidates];
  for (const wanted of dynamic) candidates.push(...(await valuesFor(io, wanted, completion)));
  return { candidates, isFiles };
}

async function valuesFor(io: Io, wanted: Wanted, completion: Completion): Promise<readonly Candidate[]> {
  try {
    if (wanted === "context") return await contextNames(io.env);
    const [url, token] = [completion.given.get("--url"), completion.given.get("--token")];
    const context = completion.given.get("--context");
    const options = {
      output: "table" as const,
      headers: true,
      ...(url === undefined ? {} : { url }),
      ...(token === undefined ? {} : { token }),
      ...(context === undefined ? {} : { context }),
    };
    return await lookUp(await openSession(io, options), wanted, completion);
  } catch (error) {
    // No server, or none that is named well: nothing to offer, and no place to say so.
    if (error instanceof CliProblem) return [];
    throw error;
  }
}

interface Found {
  readonly candidates: readonly Candidate[];
  readonly breaks: string;
}

const candidatesLimit = 2_000;

/** A shell puts a value on its line as it is: a name with anything else in it could become a command. */
const harmless = /^[\w./:@+=,-]+$/;

/** The candidates that go on from what is typed, as the shell wants to read them. */
function linesFor(shell: Shell, completion: Completion, found: Found): readonly string[] {
  const { typed, prefix } = completion;
  const fitting = found.candidates
    .filter(({ value }) => value.startsWith(typed) && harmless.test(value))
    .slice(0, candidatesLimit);
  const whole = fitting.map(({ value, about }) => ({
    value: `${prefix}${value}`,
    about: safe(about).slice(0, 80),
  }));
  if (shell === "fish") return whole.map(({ value, about }) => `${value}\t${about}`.trimEnd());
  if (shell === "zsh") {
    const escaped = (text: string) => text.replaceAll(":", "\\:");
    return whole.map(({ value, about }) => (about === "" ? escaped(value) : `${escaped(value)}:${about}`));
  }
  // Bash takes a word for several at each break; it wants what follows the last of them.
  const word = `${prefix}${typed}`;
  const cut = Math.max(-1, ...Array.from(found.breaks, (mark) => word.lastIndexOf(mark))) + 1;
  return whole.map(({ value }) => value.slice(cut));
}
