import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { WatchWorkloadsResponse, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { followClusters } from "./cluster-views.ts";

type Said = WatchWorkloadsResponse["event"];

/** A watcher that says what a test wants, over one connection after the other. */
function createWatcher() {
  const connections: { say: (event: Said) => void; fail: () => void }[] = [];
  const watchWorkloads = async function* watch(_: unknown, o?: { signal?: AbortSignal }) {
    const queue: (Said | Error)[] = [];
    let wake = Promise.withResolvers<void>();
    const push = (one: Said | Error): void => {
      queue.push(one);
      wake.resolve();
    };
    o?.signal?.addEventListener("abort", () => push(new Error("aborted")));
    connections.push({ say: push, fail: () => push(new SlipwayError("UNAVAILABLE", { detail: "cut" })) });
    for (let turn = 0; turn < 1_000; turn += 1) {
      for (const one of queue.splice(0)) {
        if (one instanceof Error) throw one;
        yield WatchWorkloadsResponse.fromPartial({ event: one });
      }
      await wake.promise;
      wake = Promise.withResolvers();
    }
  };
  return { connections, watchWorkloads };
}

const web = (image: string): Said => ({
  $case: "upserted",
  value: Workload.fromPartial({
    namespace: "shop",
    kind: "deployment",
    name: "web",
    containers: [{ image }],
  }),
});
const view = (ageMs: bigint): Said => ({
  $case: "view",
  value: { ageMs, complete: true, problem: "", nodes: undefined },
});
const gone: Said = {
  $case: "deleted",
  value: { namespace: "shop", kind: "deployment", name: "web", uid: "" },
};

const until = (what: string, seen: () => boolean) =>
  pollUntil(async () => seen(), { everyMs: 1, timeoutMs: 10_000, what });

function follow() {
  const watcher = createWatcher();
  const clock = createFakeClock();
  const cluster = watcher as never;
  const views = followClusters({ cluster, environments: [{ name: "default" }], clock, log: silentLog });
  const heard = () => views.heard("default");
  const image = () => heard()?.workloads.get("shop:deployment/web")?.containers[0]?.image;
  return { ...watcher, clock, views, heard, image };
}

test("knows nothing before the first whole snapshot, then every change", async () => {
  const f = follow();
  await until("a connection", () => f.connections.length === 1);
  f.connections[0]?.say(web("web:1"));
  expect(f.heard()).toBeUndefined();
  f.connections[0]?.say(view(50n));
  await until("the snapshot", () => f.heard() !== undefined);
  const before = f.heard();
  f.connections[0]?.say(web("web:2"));
  await until("the change", () => f.image() === "web:2");
  expect(f.heard()?.version).not.toBe(before?.version);
  f.connections[0]?.say(gone);
  await until("the end", () => f.heard()?.workloads.size === 0);
  await f.views.stop();
});

test("grows old by its own clock, and says so while the watcher is away", async () => {
  const f = follow();
  await until("a connection", () => f.connections.length === 1);
  f.connections[0]?.say(web("web:1"));
  f.connections[0]?.say(view(50n));
  await until("the snapshot", () => f.heard() !== undefined);
  f.connections[0]?.fail();
  await until("the problem", () => f.heard()?.view.problem.includes("cut") === true);
  const ageMs = f.heard()?.view.ageMs ?? 0n;
  await f.clock.advance(4_000);
  expect((f.heard()?.view.ageMs ?? 0n) - ageMs).toBe(4_000n);
  expect(f.image()).toBe("web:1");
  await until("the next connection", () => f.connections.length === 2);
  f.connections[1]?.say(web("web:3"));
  expect(f.image()).toBe("web:1");
  f.connections[1]?.say(view(10n));
  await until("the new snapshot", () => f.image() === "web:3");
  expect(f.heard()?.view).toMatchObject({ ageMs: 10n, problem: "" });
  await f.views.stop();
});
