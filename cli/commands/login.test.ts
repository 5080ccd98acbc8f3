import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { runCli } from "../program.ts";
import { problem, startFakeApi } from "../testing/fake-api.ts";
import type { FakeApi, Routes } from "../testing/fake-api.ts";
import { createFakeIo } from "../testing/run.ts";
import { anEnvironment } from "../testing/seed.ts";

let home = "";
let api: FakeApi;
const routes: Routes = {
  listEnvironments: ({ headers }) =>
    headers.authorization === "Bearer right"
      ? { json: { environments: [anEnvironment] } }
      : problem(401, "UNAUTHENTICATED"),
};
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-home-"));
  api = await startFakeApi(routes);
});
afterEach(async () => {
  await api.close();
  await rm(home, { recursive: true, force: true });
});

async function slipway(args: readonly string[], more: Parameters<typeof createFakeIo>[1] = {}) {
  const io = createFakeIo(args, { env: { HOME: home }, ...more });
  const code = await runCli(io);
  return { code, out: io.outLines.join("\n"), err: io.errLines.join("\n"), questions: io.questions };
}

const kept = async () =>
  JSON.parse(await readFile(join(home, ".config/slipway/contexts.json"), "utf8")) as unknown;

test("login asks for the token unseen, tries it, and every later command uses it", async () => {
  const ran = await slipway(["login", `${api.url}/`, "--name", "shop"], {
    interactive: true,
    answers: [" right "],
  });
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.questions).toEqual([`Token for ${api.url}: `]);
  expect(ran.out).toBe(`Logged in to ${api.url} as context "shop": default`);
  expect(await kept()).toEqual({ current: "shop", contexts: { shop: { url: api.url, token: "right" } } });
  expect((await slipway(["environment", "list", "-o", "name"])).out).toBe("default");
  const shown = await slipway(["context", "show"]);
  expect(shown.out).toMatch(/^server +http:.*\nfound by +context "shop"\ntoken +yes$/);
});

test("a token that is refused, or a server that is away, keeps nothing", async () => {
  const refused = await slipway(["login", api.url, "--token-stdin"], { stdin: "wrong\n" });
  expect(refused.code).toBe(6);
  await expect(kept()).rejects.toMatchObject({ code: "ENOENT" });
  const away = await slipway(["login", "http://127.0.0.1:1", "--token-stdin"], { stdin: "right" });
  expect(away).toMatchObject({ code: 6, out: "" });
  await expect(kept()).rejects.toMatchObject({ code: "ENOENT" });
});

test("without a terminal a login says how to give the token, and takes no blank one", async () => {
  const dark = await slipway(["login", api.url]);
  expect(dark).toMatchObject({ code: 2 });
  expect(dark.err).toContain("--token-stdin");
  expect(await slipway(["login", api.url, "--token-stdin"], { stdin: "\n" })).toMatchObject({ code: 2 });
  expect(await slipway(["login", api.url, "--token-stdin"], { stdin: "two words" })).toMatchObject({
    code: 2,
  });
  expect(await slipway(["login"])).toMatchObject({ code: 2 });
});

test("logout forgets the token and keeps the address, so that a login needs no URL", async () => {
  await slipway(["login", api.url, "--name", "shop", "--token-stdin"], { stdin: "right" });
  expect(await slipway(["logout"])).toMatchObject({
    code: 0,
    out: `Forgot the token of context "shop" (${api.url}).`,
  });
  expect((await slipway(["environment", "list"])).err).toContain(`slipway login ${api.url}`);
  expect((await slipway(["logout"])).out).toBe('Context "shop" holds no token.');
  expect(await slipway(["login", "--token-stdin"], { stdin: "right" })).toMatchObject({ code: 0 });
  expect((await slipway(["environment", "list", "-o", "name"])).out).toBe("default");
});

test("contexts are listed without their tokens, chosen, and deleted", async () => {
  await slipway(["login", api.url, "--name", "one", "--token-stdin"], { stdin: "right" });
  await slipway(["login", api.url, "--name", "two", "--token-stdin", "--proxy", "http://bot:s3cret@p"], {
    stdin: "right",
  });
  const list = await slipway(["context", "list"]);
  expect(list.out.split("\n").map((line) => line.replaceAll(api.url, "URL"))).toEqual([
    expect.stringMatching(/^ {3}CONTEXT {2}SERVER +TOKEN$/),
    expect.stringMatching(/^ {3}one {6}URL {2}yes$/),
    expect.stringMatching(/^\* {2}two {6}URL {2}yes$/),
  ]);
  const data = await slipway(["context", "list", "-o", "json"]);
  expect(data.out).not.toMatch(/right|s3cret/);
  expect((await slipway(["context", "use", "one"])).code).toBe(0);
  expect((await slipway(["context", "show"])).out).toContain('context "one"');
  const wrong = await slipway(["context", "use", "tow"]);
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain("did you mean two");
  const gone = await slipway(["context", "delete", "one"]);
  expect(gone.out).toBe('Forgot context "one".');
  expect(gone.err).toContain("slipway context use");
  expect((await slipway(["context", "list", "-o", "name"])).out).toBe("two");
});
