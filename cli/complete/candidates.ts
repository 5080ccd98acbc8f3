import type { Command, Option } from "commander";

import { overrideNames } from "../commands/overrides.ts";

/** Something that may stand at the cursor. */
export interface Candidate {
  readonly value: string;
  readonly about: string;
}

/** What values are looked up for; "files" are the shell's own business. */
export type Wanted =
  | "workload"
  | "job"
  | "environment"
  | "namespace"
  | "container"
  | "image"
  | "context"
  | "files";

/** What may stand at the cursor: known from the verbs alone, or to be looked up. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly wanted: readonly Wanted[];
  /** What the candidates continue: the word, or what follows `=` in it. */
  readonly typed: string;
  /** Kept before each candidate: `--output=`. */
  readonly prefix: string;
  /** The workloads that are named before the cursor. */
  readonly named: readonly string[];
  /** Values of options before the cursor, by their long name. */
  readonly given: ReadonlyMap<string, string>;
}

/** Reads a line's words (after the program's name) by the verbs of a program. */
export function completionOf(program: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  const place = placeOf(program, words.slice(0, -1));
  const base = { typed, prefix: "", named: place.positionals, given: place.given };
  const nothing = { ...base, candidates: [], wanted: [] };
  if (place.pending !== undefined) return { ...base, ...valuesOf(place.pending) };
  const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(typed) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = place.command.options.find(({ long }) => long === flag);
    if (option === undefined) return nothing;
    return { ...base, ...valuesOf(option), typed: value, prefix: `${flag}=` };
  }
  if (typed.startsWith("-") && !place.isPlain) return { ...base, candidates: flagsOf(place), wanted: [] };
  if (place.command.commands.length > 0) {
    if (place.positionals.length > 0 && place.command.registeredArguments.length === 0) return nothing;
    const own = argumentsOf(place);
    const inner = place.positionals.length > 0 ? [] : verbsOf(place.command);
    return { ...base, candidates: [...inner, ...own.candidates], wanted: own.wanted };
  }
  return { ...base, ...argumentsOf(place) };
}

interface Place {
  readonly command: Command;
  readonly positionals: readonly string[];
  readonly given: ReadonlyMap<string, string>;
  readonly used: ReadonlySet<string>;
  /** The option before the cursor that wants a value. */
  readonly pending: Option | undefined;
  /** After `--`: nothing is an option any more. */
  readonly isPlain: boolean;
}

function placeOf(program: Command, before: readonly string[]): Place {
  let command = program;
  let pending: Option | undefined;
  let isPlain = false;
  const positionals: string[] = [];
  const given = new Map<string, string>();
  const used = new Set<string>();
  for (const word of before) {
    if (pending !== undefined) {
      given.set(pending.long ?? "", word);
      pending = undefined;
    } else if (word === "--") isPlain = true;
    else if (word.startsWith("-") && !isPlain) {
      const [name, value] = splitFlag(word);
      const option = command.options.find(({ long, short }) => long === name || short === name);
      if (option === undefined) continue;
      used.add(option.long ?? name);
      if (value !== undefined) given.set(option.long ?? name, value);
      else if (option.required) pending = option;
    } else {
      const inner = command.commands.find((one) => one.name() === word);
      if (inner === undefined) positionals.push(word);
      else command = inner;
    }
  }
  return { command, positionals, given, used, pending, isPlain };
}

function splitFlag(word: string): readonly [string, string | undefined] {
  const at = word.indexOf("=");
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function verbsOf(command: Command): readonly Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  const own = visible.filter((one) => one.name() !== "help");
  return own.map((one) => ({ value: one.name(), about: one.summary() || one.description() }));
}

function flagsOf({ command, used }: Place): readonly Candidate[] {
  const visible = command.createHelp().visibleOptions(command);
  return visible.flatMap(({ long, description }) =>
    long === undefined || long === null || (used.has(long) && !repeats.has(long))
      ? []
      : [{ value: long, about: description }],
  );
}

/** Options that may be given again. */
const repeats = new Set(["--image", "--workload", "--service", "--exclude", "--override", "--selector"]);

type Values = Pick<Completion, "candidates" | "wanted">;

const wantedByFlag: Readonly<Record<string, Wanted>> = {
  "--workload": "workload",
  "--service": "workload",
  "--exclude": "workload",
  "--environment": "environment",
  "--namespace": "namespace",
  "--container": "container",
  "--image": "image",
  "--update-image": "image",
  "--context": "context",
  "--ca-file": "files",
  "--config": "files",
};

function valuesOf(option: Option): Values {
  const choices = option.long === "--override" ? overrideNames : (option.argChoices ?? []);
  const wanted = wantedByFlag[option.long ?? ""];
  return {
    candidates: choices.map((value) => ({ value, about: "" })),
    wanted: wanted === undefined || choices.length > 0 ? [] : [wanted],
  };
}

const wantedByArgument: Readonly<Record<string, readonly Wanted[]>> = {
  workload: ["workload"],
  job: ["job"],
  "job|workload": ["job", "workload"],
  id: ["job"],
  environment: ["environment"],
  context: ["context"],
  file: ["files"],
  path: ["files"],
};

function argumentsOf({ command, positionals }: Place): Values {
  const all = command.registeredArguments;
  const last = all.at(-1);
  const argument = all[positionals.length] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return { candidates: [], wanted: [] };
  const choices = (argument.argChoices ?? []).map((value) => ({ value, about: "" }));
  const name = argument.name();
  const group = command.parent?.name() ?? "";
  const wanted = wantedByArgument[name] ?? (name === "name" ? (wantedByArgument[group] ?? []) : []);
  return { candidates: choices, wanted: choices.length > 0 ? [] : wanted };
}
