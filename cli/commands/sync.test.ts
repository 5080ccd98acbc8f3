import { expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";

import { framesOf } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { aJob, aSucceededJob, jobId } from "../testing/seed.ts";
import { createTyped, type Typed } from "../testing/typed.ts";

const type = createTyped();

function slipway(args: readonly string[], end: Job, typed: Typed = {}) {
  const accepted = () => ({ status: 202, json: aJob({ kind: end.kind, headline: end.headline }) });
  const routes: Routes = {
    createSync: accepted,
    createRestart: accepted,
    followJob: () => ({ events: framesOf([], end) }),
  };
  return type(args, routes, typed);
}

const image = "weaveworksdemos/front-end:0.2.0";
const result = {
  workload: "sock-shop:deployment/front-end",
  container: "front-end",
  from: image,
  to: image,
  result: "changed" as const,
  reason: null,
  detail: "spec.replicas",
  file: "deploy/front-end.yaml",
};
const syncJob = (more: Partial<Job> = {}) => aSucceededJob({ kind: "sync", results: [result], ...more });

test("a sync of workloads sends their names and exits by the outcome", async () => {
  const ran = await slipway(["sync", "front-end", "-m", "drift"], syncJob());
  expect(ran).toMatchObject({ code: 0, questions: [] });
  expect(ran.server.of("createSync")[0]?.body).toEqual({
    workloads: ["sock-shop/front-end"],
    message: "drift",
  });
  expect(ran.server.of("createSync")[0]?.headers["idempotency-key"]).toMatch(/./);
  expect(ran.out).toBe(`succeeded sock-shop/front-end front-end 0.2.0 commit=3fa94c1 job=${jobId} took=2.3s`);
  const failed = await slipway(["sync", "front-end"], syncJob({ phase: "failed", outcome: "failed" }));
  expect(failed.code).toBe(1);
});

test.each([
  [["-n", "sock-shop"], { namespace: "sock-shop" }],
  [["--all"], { all: true }],
  [["--all", "-n", "sock-shop"], { namespace: "sock-shop" }],
  [["sock-shop:deployment/pushed-just-now"], { workloads: ["sock-shop:deployment/pushed-just-now"] }],
])("sync %j asks for %j", async (args, body) => {
  const ran = await slipway(["sync", ...args, "--no-wait"], syncJob());
  expect(ran.code).toBe(0);
  expect(ran.server.of("createSync")[0]?.body).toEqual(body);
});

test.each([[["sync"]], [["sync", "front-end", "--all"]], [["sync", "no-such-name"]]])(
  "%j is a slip, and nothing is asked for",
  async (args) => {
    const ran = await slipway(args, syncJob());
    expect(ran.code).toBe(2);
    expect(ran.server.of("createSync")).toEqual([]);
  },
);

test("what a sync created or left alone is told, what has no containers with its kind", async () => {
  const created = { ...result, from: "", reason: "created", detail: null };
  const service = { ...created, workload: "sock-shop:service/front-end", container: "", to: "" };
  const left = { ...result, to: null, result: "skip" as const, reason: "in-sync", detail: null };
  const end = syncJob({ results: [created, service, { ...left, workload: "sock-shop:deployment/cart" }] });
  const ran = await slipway(["sync", "--all"], end);
  expect(ran.out).toContain("succeeded sock-shop/front-end front-end 0.2.0 created commit=3fa94c1");
  expect(ran.out).toContain("succeeded sock-shop:service/front-end created commit=3fa94c1");
  expect(ran.err).toContain("sock-shop/cart  front-end  0.2.0  left alone: in-sync");
});

test("at a terminal a sync and a restart ask first, and offer no undoing", async () => {
  const person = { interactive: true, answers: ["n"] };
  const no = await slipway(["sync", "--all"], syncJob(), person);
  expect(no).toMatchObject({ code: 5, questions: ["Sync everything that git declares? [y/N] "] });
  expect(no.server.of("createSync")).toEqual([]);
  const end = aSucceededJob({ kind: "restart", commit: null, results: [{ ...result, reason: "restarted" }] });
  const yes = await slipway(["restart", "front-end"], end, { interactive: true, answers: ["y"] });
  expect(yes).toMatchObject({ code: 0, questions: ["Restart sock-shop/front-end? [y/N] "] });
  expect(yes.server.of("createRestart")[0]?.body).toEqual({ workloads: ["sock-shop/front-end"] });
  expect(yes.out).not.toContain("undo");
});

test("a restart tells what was restarted", async () => {
  const end = aSucceededJob({
    kind: "restart",
    commit: null,
    results: [{ ...result, reason: "restarted", detail: null }],
  });
  const ran = await slipway(["restart", "front-end", "-y"], end);
  expect(ran.out).toBe(`succeeded sock-shop/front-end front-end 0.2.0 restarted job=${jobId} took=2.3s`);
});

test("each verb that makes a job marks it", async () => {
  const marks = [
    "--label",
    "build=https://ci.example.com/7",
    "--label",
    "team=shop",
    "--source-sha",
    "9c1e2f4",
  ];
  const marked = { labels: { build: "https://ci.example.com/7", team: "shop" }, sourceSha: "9c1e2f4" };
  const synced = await slipway(["sync", "front-end", "--no-wait", ...marks], syncJob());
  expect(synced.server.of("createSync")[0]?.body).toMatchObject(marked);
  const restarted = await slipway(["restart", "front-end", "--no-wait", ...marks], syncJob());
  expect(restarted.server.of("createRestart")[0]?.body).toMatchObject(marked);
  const undoing = { rollbackJob: () => ({ status: 202, json: aJob({ kind: "rollback" }) }) };
  const undone = await type(["rollback", jobId, "--no-wait", ...marks], undoing);
  expect(undone.server.of("rollbackJob")[0]?.body).toMatchObject(marked);
  const twice = await slipway(["sync", "front-end", "--label", "a=1", "--label", "a=2"], syncJob());
  expect(twice).toMatchObject({ code: 2 });
});
