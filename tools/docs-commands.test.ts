import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";
import type { Command } from "commander";

import { wholeProgram } from "./cli-doc/whole-program.ts";

const root = join(import.meta.dirname, "..");
const written = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
// Decisions speak of what was rejected, too.
const docs = (await readdir(join(root, "docs")))
  .filter((name) => name !== "decisions.md")
  .map((name) => `docs/${name}`);
const files = [...written, ...docs].filter((name) => name.endsWith(".md"));

/** A command as a document has it, in a block or between backticks. */
interface Shown {
  readonly file: string;
  readonly text: string;
}

const shown = (
  await Promise.all(
    files.map(async (file): Promise<readonly Shown[]> => {
      const text = await readFile(join(root, file), "utf8");
      const spans = [...text.matchAll(/`([^`\n]+)`|^(?:\$ )?((?:slipway|npm|docker) [^\n]*)$/gm)];
      return spans.map(([, inline, line]) => ({ file, text: (inline ?? line ?? "").replace(/\s+#.*$/, "") }));
    }),
  )
).flat();
const starting = (word: string): readonly Shown[] => shown.filter(({ text }) => text.startsWith(`${word} `));

test("every npm script that a document names exists", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { scripts: object };
  const named = starting("npm run").map(({ file, text }) => ({ file, script: text.split(" ")[2] ?? "" }));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ script }) => !Object.hasOwn(scripts, script))).toEqual([]);
});

test("every file of compose and of Docker that a document names exists", () => {
  const named = starting("docker").flatMap(({ file, text }) =>
    [...text.matchAll(/ -f (\S+)/g)].map(([, path = ""]) => ({ file, path })),
  );
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter(({ path }) => !existsSync(join(root, path)))).toEqual([]);
});

test("every verb and flag of slipway that a document shows is one", async () => {
  const program = await wholeProgram();
  const faults = starting("slipway").flatMap(({ file, text }) => {
    const fault = faultOf(program, text);
    return fault === undefined ? [] : [{ file, text, fault }];
  });
  expect(starting("slipway").length).toBeGreaterThan(50);
  expect(faults).toEqual([]);
});

/** What a shown command line has that the program does not know. */
function faultOf(program: Command, text: string): string | undefined {
  // What is piped on, and what stands in place of words, is not ours.
  const [line = ""] = text.split(/ (?:[|>]|&&) |…/);
  const words = line
    .split(" ")
    .slice(1)
    .filter((word) => word !== "");
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) break;
    command = next;
  }
  if (command === program) return /^[a-z]/.test(words[0] ?? "") ? `no verb ${words[0]}` : undefined;
  const known = new Set(
    [...command.options, ...(command.parent?.options ?? [])].flatMap((one) => [one.long, one.short]),
  );
  const flags = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split("=")[0] ?? "");
  return flags
    .map((flag) => (known.has(flag) || flag === "--help" ? undefined : `no flag ${flag}`))
    .find(Boolean);
}
