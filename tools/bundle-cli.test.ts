import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { bundleCli } from "./bundle-cli.ts";

let folder = "";
let text = "";
let outside: readonly string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-bundle-"));
  outside = (await bundleCli(join(folder, "slipway.mjs"))).outside;
  text = await readFile(join(folder, "slipway.mjs"), "utf8");
});
afterAll(() => rm(folder, { recursive: true }));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(folder, "slipway.mjs"), ...args], {
    cwd: folder,
    env: {},
    encoding: "utf8",
    input: "environments: []\n",
  });
}

test("the bundle is one file that needs nothing beside it", async () => {
  expect(await readdir(folder)).toEqual(["slipway.mjs"]);
  expect(run("version")).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringMatching(/^slipway \d/),
  });
  expect(run("config", "check", "-").stdout).toContain("-:1: environments: ");
  expect(run("workloads", "-o", "yaml").status).toBe(2);
  expect(outside.filter((name) => !builtinModules.includes(name.replace(/^node:/, "")))).toEqual([]);
});

test("the bundle asks for nothing that Node 20 does not have", () => {
  const tooNew =
    /\b(?:Map|Object)\.groupBy\b|Promise\.(?:withResolvers|try)\b|Array\.fromAsync\b|RegExp\.escape\b|Iterator\.from\b|process\.getBuiltinModule\b|import\.meta\.main\b/g;
  expect(text.match(tooNew) ?? []).toEqual([]);
});

test("what only some verbs need is not run at the start", () => {
  // esbuild wraps what is imported lazily into functions of their own.
  for (const lazy of ["cli/commands/release.ts", "libs/common/contracts/settings.ts", "node_modules/zod"]) {
    expect(text).toContain(lazy);
  }
});
