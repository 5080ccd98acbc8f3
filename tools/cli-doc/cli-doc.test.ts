import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { operations } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";

import { runCli } from "../../cli/program.ts";
import { startFakeApi } from "../../cli/testing/fake-api.ts";
import type { FakeApi } from "../../cli/testing/fake-api.ts";
import { createFakeIo } from "../../cli/testing/run.ts";
import { useOf } from "./operation-verbs.ts";
import { allVerbs, cliDoc, helpOf } from "./render.ts";
import { wholeProgram } from "./whole-program.ts";

const doc = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");
const names = Object.keys(operations) as OperationName[];
const verbs = allVerbs(await wholeProgram());

test("docs/cli.md is what the program says of itself (else: npm run generate)", async () => {
  expect(doc).toBe(cliDoc(await wholeProgram()));
});

test("every verb has a section, a summary, a description and examples", () => {
  for (const { path, command } of verbs) {
    expect(doc, path).toContain(`### \`slipway ${path}`);
    expect(command.summary(), path).not.toBe("");
    expect(command.description(), path).not.toBe("");
    expect(helpOf(command), path).toMatch(/^Examples?:$/m);
  }
});

test("every operation has a verb, or a reason for none (tools/cli-doc/operation-verbs.ts), and is in the docs", () => {
  const unsaid = names.filter((name) => useOf(name) === undefined);
  expect(unsaid).toEqual([]);
  for (const name of names) expect(doc, name).toContain(`| ${name} | \`${operations[name].method} `);
});

describe("the verb of each operation", () => {
  let api: FakeApi;
  beforeAll(async () => {
    api = await startFakeApi();
  });
  afterAll(() => api.close());

  const typed = names.flatMap((name) => {
    const use = useOf(name);
    return use !== undefined && "typed" in use ? [{ name, words: use.typed }] : [];
  });
  test.each(typed)("$name is asked for by $words", async ({ name, words }) => {
    expect(verbs.map(({ path }) => path).some((path) => words.join(" ").startsWith(path))).toBe(true);
    const before = api.of(name).length;
    await runCli(createFakeIo(words, { env: { SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" } }));
    expect(api.of(name).length).toBeGreaterThan(before);
  });
});
