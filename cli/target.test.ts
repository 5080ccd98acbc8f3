import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { writeContexts } from "./contexts.ts";
import { findTarget } from "./target.ts";
import type { TargetDeps } from "./target.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-target-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

function deps(more: Partial<TargetDeps> = {}): TargetDeps {
  return { env: {}, cwd: root, isAlive: (pid) => pid < 1000, userId: process.getuid?.(), ...more };
}

async function demo(name: string, content: unknown, o: { under?: string; atSeconds?: number } = {}) {
  const directory = join(root, o.under ?? "", ".slipway");
  await mkdir(directory, { recursive: true });
  const file = join(directory, name);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  await utimes(file, o.atSeconds ?? 1000, o.atSeconds ?? 1000);
  return file;
}

const env = { SLIPWAY_URL: "http://from-env:3030/", SLIPWAY_TOKEN: "env-token" };

test("options win over the environment, and the environment over a demo", async () => {
  await demo("demo-1.json", { url: "http://127.0.0.1:4000", token: "demo-token", pid: 1 });
  expect(await findTarget({ url: "https://x.example/base/", token: "t" }, deps({ env }))).toEqual({
    url: "https://x.example/base",
    token: "t",
    source: "--url",
  });
  expect(await findTarget({}, deps({ env }))).toEqual({
    url: "http://from-env:3030",
    token: "env-token",
    source: "SLIPWAY_URL",
  });
});

test("the newest living demo upward from here is found, with its own token", async () => {
  await demo("demo-1.json", { url: "http://127.0.0.1:4001", token: "old", pid: 1 }, { atSeconds: 1000 });
  const file = await demo(
    "demo-2.json",
    { url: "http://127.0.0.1:4002", token: "new", pid: 2 },
    { atSeconds: 2000 },
  );
  await demo("demo-3.json", { url: "http://127.0.0.1:4003", token: "dead", pid: 5000 }, { atSeconds: 3000 });
  await demo("demo-4.json", "{ half", { atSeconds: 4000 });
  const cwd = join(root, "a", "b");
  await mkdir(cwd, { recursive: true });
  const found = { url: "http://127.0.0.1:4002", token: "new", source: file };
  expect(await findTarget({}, deps({ cwd }))).toEqual(found);
  expect(await findTarget({}, deps({ cwd, env: { SLIPWAY_TOKEN: "of another" } }))).toEqual(found);
  expect((await findTarget({ token: "mine" }, deps({ cwd }))).token).toBe("mine");
});

test("a context goes before a demo and after the environment, and its token goes nowhere else", async () => {
  await demo("demo-1.json", { url: "http://127.0.0.1:4001", token: "of the demo", pid: 1 });
  const own = { XDG_CONFIG_HOME: root };
  const prod = { url: "https://prod.example", token: "of prod", proxy: "none" };
  const staging = { url: "https://staging.example", caFile: "/etc/ca.pem" };
  await writeContexts(own, { current: "prod", contexts: { prod, staging } });
  const found = { ...prod, source: 'context "prod"' };
  expect(await findTarget({}, deps({ env: own }))).toEqual(found);
  expect(await findTarget({}, deps({ env: { ...own, SLIPWAY_TOKEN: "of another" } }))).toEqual(found);
  expect(await findTarget({ token: "mine" }, deps({ env: own }))).toMatchObject({ token: "mine" });
  const other = { url: "https://staging.example", token: undefined, source: 'context "staging"' };
  expect(await findTarget({ context: "staging" }, deps({ env: { ...own, ...env } }))).toEqual({
    ...other,
    caFile: "/etc/ca.pem",
  });
  const byFlag = await findTarget({ context: "staging", caFile: "mine.pem" }, deps({ env: own }));
  expect(byFlag.caFile).toBe("mine.pem");
  expect(await findTarget({}, deps({ env: { ...own, ...env } }))).toMatchObject({ token: "env-token" });
  expect((await findTarget({ url: "http://x" }, deps({ env: own }))).token).toBeUndefined();
  await expect(findTarget({ context: "prdo" }, deps({ env: own }))).rejects.toMatchObject({
    exitCode: 2,
    parts: { hint: "did you mean prod?" },
  });
  await expect(findTarget({ context: "prod", url: "http://x" }, deps())).rejects.toMatchObject({
    exitCode: 2,
  });
});

test("a demo file of another user is not followed", async () => {
  await demo("demo-1.json", { url: "http://127.0.0.1:4001", token: "x", pid: 1 });
  await expect(findTarget({}, deps({ userId: 987_654 }))).rejects.toMatchObject({ code: "NO_SERVER" });
});

test("without any, the answer is exit 2 and names all ways", async () => {
  await expect(findTarget({}, deps())).rejects.toMatchObject({
    exitCode: 2,
    parts: { hint: expect.stringMatching(/--url.*SLIPWAY_URL.*slipway login.*npm run demo/s) },
  });
});

test("an address that is none, or holds a password, is refused", async () => {
  await expect(findTarget({ url: "localhost:3030" }, deps())).rejects.toMatchObject({ exitCode: 2 });
  await expect(findTarget({ url: "ftp://x" }, deps())).rejects.toMatchObject({ exitCode: 2 });
  await expect(findTarget({ url: "http://u:p@x" }, deps())).rejects.toMatchObject({ exitCode: 2 });
});
