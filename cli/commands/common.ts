import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";

import type { Io } from "../io.ts";
import { safe } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { openSession } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addOutputOptions, outputGroup } from "./manifest-options.ts";

/** What a verb is given to hang itself into the program. */
export interface CommandDeps {
  readonly io: Io;
  /** Hands the verb's exit code to the program. */
  readonly finish: (code: ExitCode) => void;
  /** The program with the verbs that a line of these words is about. */
  readonly programFor: (words: readonly string[]) => Promise<Command>;
}

const scope = "Where:";
const server = "Server:";

/** The options every verb understands. */
export function addCommonOptions(command: Command): Command {
  return addOutputOptions(addScopeOptions(command))
    .addOption(
      new Option(
        "--url <url>",
        "the server (else SLIPWAY_URL, else the current context, else a running demo)",
      ).helpGroup(server),
    )
    .addOption(new Option("--token <token>", "its token (else SLIPWAY_TOKEN)").helpGroup(server))
    .addOption(new Option("--context <name>", "the server that slipway login kept").helpGroup(server))
    .addOption(
      new Option(
        "--ca-file <file>",
        "certificates (PEM) of its authority (else SLIPWAY_CA_FILE); public ones count beside it",
      ).helpGroup(server),
    );
}

function addScopeOptions(command: Command): Command {
  return command
    .addOption(new Option("-n, --namespace <name>", "only this namespace").helpGroup(scope))
    .addOption(new Option("-a, --all-namespaces", "every namespace (as without -n)").helpGroup(scope))
    .addOption(
      new Option("-e, --environment <name>", "the environment; may be left out when there is one").helpGroup(
        scope,
      ),
    );
}

/** `--format story`: the shapes of 2016. */
export function addStoryOption(command: Command): Command {
  return command.addOption(
    new Option("--format <name>", "story: the shape this had in 2016")
      .choices(["story"])
      .helpGroup(outputGroup),
  );
}

/** Runs a verb within a session and hands on its exit code; without one, 0. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- commander hands options over untyped; each verb names its own
export function verb<Options extends CommonOptions>(
  deps: CommandDeps,
  act: (session: Session, options: Options, args: readonly string[]) => Promise<ExitCode | undefined>,
): (this: Command) => Promise<void> {
  return async function run(this: Command) {
    const options = this.opts<Options>();
    const session = await openSession(deps.io, options);
    deps.finish((await act(session, options, this.args)) ?? exitCodes.ok);
  };
}

/** A person at a terminal is asked; a pipe, `-y` and the story never are. */
export async function consents(
  { io }: Session,
  options: { readonly yes?: boolean; readonly format?: string },
  ask: { readonly question: string; readonly no: string },
): Promise<boolean> {
  if (!io.interactive || options.yes === true || options.format === "story") return true;
  const answer = await io.ask(safe(`${ask.question} [y/N] `));
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return true;
  io.err(ask.no);
  return false;
}

/** For repeatable options that also take a comma list. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  const values = value.split(",").map((part) => part.trim());
  if (values.includes("")) throw new InvalidArgumentError("an entry is blank");
  return [...previous, ...values];
}

/** A count from 0. */
export function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("wanted: a number from 0");
  return Number(text);
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 14 * 86_400_000;

/** "90s", "10m", "2h", "7d" in milliseconds. */
export function parseDuration(text: string): number {
  const found = /^(\d{1,7}(?:\.\d{1,3})?)(s|m|h|d)$/.exec(text);
  const ms = found === null ? Number.NaN : Number(found[1]) * (unitMs[found[2] ?? ""] ?? 0);
  if (!(ms > 0 && ms <= longestMs)) {
    throw new InvalidArgumentError("wanted: a duration such as 90s, 10m or 2h, at most 14d");
  }
  return ms;
}

/** A duration back from now, or a date, as an instant. */
export function parseSince(text: string, now: Date): string {
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return new Date(date).toISOString();
  return new Date(now.getTime() - parseDuration(text)).toISOString();
}
