import { spawn } from "node:child_process";
import { once } from "node:events";

import { afterEach, expect, test } from "vitest";

import { runCli } from "./program.ts";
import { frame, framesOf, startFakeApi } from "./testing/fake-api.ts";
import type { FakeApi } from "./testing/fake-api.ts";
import { createFakeIo } from "./testing/run.ts";
import { aJob, aSucceededJob, aWorkload, freshAge, seedSteps } from "./testing/seed.ts";

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const step = (at: number) => seedSteps[at] ?? seedSteps[0]!;

test("a reader that has seen enough ends the program without a word", async () => {
  const workloads = Array.from({ length: 20_000 }, (_, at) => aWorkload(`web-${at}`, "shop/web:1"));
  api = await startFakeApi({ listWorkloads: () => ({ json: { workloads, age: freshAge, next: null } }) });
  const main = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "workloads", "-o", "name"], {
    env: { SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

test("an API that dies while a job is waited for is waited for in turn, from the last event seen", async () => {
  const end = aSucceededJob();
  api = await startFakeApi({
    followJob: ({ count }) =>
      count === 1
        ? { events: [frame("step", step(0), 1), frame("step", step(1), 2)] }
        : count < 4
          ? { cut: true }
          : { events: framesOf(seedSteps, end).slice(2) },
  });
  const io = createFakeIo(["release", "front-end", "--latest"], { env: { SLIPWAY_URL: api.url } });
  expect(await runCli(io)).toBe(0);
  const told = io.errLines.map((line) => line.split(" ")[2]);
  expect(told).toEqual(seedSteps.map(({ number }) => String(number)));
  expect(api.of("followJob").map(({ headers }) => headers["last-event-id"])).toEqual([
    undefined,
    "2",
    "2",
    "2",
  ]);
});

test("an API that stays away is exit 6, and the way back to the job is told", async () => {
  const server = await startFakeApi({
    createRelease: () => ({ status: 202, json: aJob() }),
    followJob: () => {
      setImmediate(() => void server.close());
      return { events: [frame("step", step(0), 1)] };
    },
  });
  const io = createFakeIo(["release", "front-end", "--latest"], { env: { SLIPWAY_URL: server.url } });
  expect(await runCli(io)).toBe(6);
  const err = io.errLines.join("\n");
  expect(err).toContain("cannot be reached");
  expect(err).toContain("The job goes on: slipway job 0c1d8e11 -w");
});
