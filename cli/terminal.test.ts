import { afterEach, expect, test } from "vitest";

import { runCli } from "./program.ts";
import { startFakeApi } from "./testing/fake-api.ts";
import type { FakeApi, Routes } from "./testing/fake-api.ts";
import { createFakeIo } from "./testing/run.ts";
import { aJob, aPlan, aSkip } from "./testing/seed.ts";

/** What a person at a terminal meets: the plan, the question, the live steps. */

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

async function atTerminal(args: readonly string[], answers: string[], routes: Routes = {}) {
  api = await startFakeApi(routes);
  const io = createFakeIo(args, {
    env: { SLIPWAY_URL: api.url },
    interactive: true,
    live: true,
    outIsTerminal: true,
    answers,
  });
  const code = await runCli(io);
  return { io, code, server: api };
}

test("a bare release shows the plan for the newest image, asks, releases, and shows how it went", async () => {
  const { io, code, server } = await atTerminal(["release", "front-end"], ["d", "y"]);
  expect(code).toBe(0);
  expect(io.questions).toEqual(["Release to default? [y/N/d=diff] ", "Release to default? [y/N/d=diff] "]);
  expect(io.errLines[0]).toContain("0.2.0 -> 7f511af2…  newest of 9 eligible");
  expect(io.errLines).toContain("-        image: weaveworksdemos/front-end:0.2.0");
  expect(io.errLines).toContain(`Job 0c1d8e11  ${server.url}/jobs/0c1d8e11`);
  expect(io.screen()).toContain(" ✔  9 Pushed commit: Release latest images to sock-shop/front-end ");
  expect(io.outLines).toEqual(["✔ succeeded in 2.3 s   commit 3fa94c1   undo: slipway rollback 0c1d8e11"]);
  expect(server.of("createRelease").map(({ body }) => body)).toMatchObject([
    { dryRun: true, images: { select: "latest" } },
    { images: { select: "latest" } },
  ]);
});

test("every answer but yes releases nothing", async () => {
  for (const answers of [["n"], [""], ["whatever"], []]) {
    const { io, code, server } = await atTerminal(["release", "front-end", "--latest"], answers);
    expect(code).toBe(5);
    expect(io.errLines.at(-1)).toBe("Nothing was released.");
    expect(server.of("createRelease")).toHaveLength(1);
    await server.close();
  }
});

test("a plan that changes nothing asks nothing", async () => {
  const idle = { ...aPlan, results: [aSkip("front-end", "up-to-date")], diffs: [] };
  const { io, code } = await atTerminal(["release", "front-end"], ["y"], {
    createRelease: () => ({ json: idle }),
  });
  expect(code).toBe(0);
  expect(io.questions).toEqual([]);
  expect(io.errLines).toEqual([
    "Nothing to do.",
    "sock-shop/front-end  front-end  0.3.0  left alone: up-to-date",
  ]);
});

test("-y does not ask, and then wants to be told what", async () => {
  const told = await atTerminal(["release", "front-end", "--latest", "-y"], []);
  expect(told.code).toBe(0);
  expect(told.io.questions).toEqual([]);
  await told.server.close();
  expect((await atTerminal(["release", "front-end", "-y"], [])).code).toBe(2);
});

test("a rollback shows what it writes back and asks first", async () => {
  const routes: Routes = {
    rollbackJob: () => ({ status: 202, json: aJob({ kind: "rollback" }) }),
  };
  const yes = await atTerminal(["rollback", "0c1d8e11"], ["y"], routes);
  expect(yes.code).toBe(0);
  expect(yes.io.questions).toEqual(["Roll back 0c1d8e11 on default? [y/N] "]);
  expect(yes.io.errLines[0]).toBe(
    "sock-shop/front-end  front-end  7f511af2… -> 0.2.0  deploy/front-end.yaml",
  );
  await yes.server.close();
  const no = await atTerminal(["rollback", "0c1d8e11"], [], routes);
  expect(no.code).toBe(5);
  expect(no.server.of("rollbackJob")).toEqual([]);
});
