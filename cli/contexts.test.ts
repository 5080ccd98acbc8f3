import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { contextsFile, isOpenToOthers, readContexts, writeContexts } from "./contexts.ts";

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-home-"));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const prod = { url: "https://prod.example", token: "t", caFile: undefined, proxy: undefined };

test("the file lies where XDG says, else below .config, and nowhere without a home", () => {
  expect(contextsFile({ XDG_CONFIG_HOME: "/x", HOME: "/home/a" })).toBe("/x/slipway/contexts.json");
  expect(contextsFile({ XDG_CONFIG_HOME: "relative", HOME: "/home/a" })).toBe(
    "/home/a/.config/slipway/contexts.json",
  );
  expect(contextsFile({})).toBeUndefined();
});

test("what is written is read again, by its owner alone, and leaves nothing beside it", async () => {
  const env = { HOME: home };
  expect(await readContexts(env)).toEqual({ current: undefined, contexts: {} });
  await writeContexts(env, { current: "prod", contexts: { prod } });
  await writeContexts(env, { current: undefined, contexts: { prod } });
  expect(await readContexts(env)).toEqual({ current: undefined, contexts: { prod } });
  const folder = join(home, ".config/slipway");
  expect(await readdir(folder)).toEqual(["contexts.json"]);
  expect((await stat(join(folder, "contexts.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(await isOpenToOthers(env)).toBe(false);
  await chmod(join(folder, "contexts.json"), 0o644);
  expect(await isOpenToOthers(env)).toBe(true);
});

test("a write that fails leaves the old file whole and no draft", async () => {
  const env = { HOME: home };
  await writeContexts(env, { current: "prod", contexts: { prod } });
  const folder = join(home, ".config/slipway");
  const broken = {
    current: "prod",
    contexts: Object.defineProperty({}, "x", {
      enumerable: true,
      get: () => {
        throw new Error("no more");
      },
    }) as Record<string, never>,
  };
  await expect(writeContexts(env, broken)).rejects.toThrow("no more");
  expect(await readdir(folder)).toEqual(["contexts.json"]);
  expect((await readContexts(env)).contexts).toEqual({ prod });
});

test("a file that is no list of contexts is told with its place, and not written over", async () => {
  const folder = join(home, ".config/slipway");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "contexts.json");
  const wrong = ["{", "[]", '{"contexts":{"a":{}}}', '{"contexts":{"a b":{"url":"x"}}}', '{"current":1}'];
  for (const text of wrong) {
    await writeFile(file, text);
    await expect(readContexts({ HOME: home })).rejects.toMatchObject({
      code: "CONTEXTS_UNREADABLE",
      exitCode: 2,
      parts: { hint: expect.stringContaining(file) },
    });
    expect(await readFile(file, "utf8")).toBe(text);
  }
});
