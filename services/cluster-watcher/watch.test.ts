import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pollUntil } from "#common/kit/retry.ts";
import { RolloutPhase, type WatchWorkloadsResponse } from "#proto/slipway/cluster/v1/cluster.ts";

import { deployment, startRig, untilView, waitMs, type Rig } from "./testing/watch-rig.ts";

const complete = RolloutPhase.ROLLOUT_PHASE_COMPLETE;
type Event = NonNullable<WatchWorkloadsResponse["event"]>;

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
}, 60_000);

afterAll(async () => {
  await rig.stop();
});

async function remove(path: string): Promise<void> {
  const headers = { authorization: `Bearer ${rig.cluster.token}` };
  const answer = await fetch(`${rig.cluster.url}${path}`, { method: "DELETE", headers });
  expect(answer.status).toBe(200);
}

/** Everything a stream tells, as it comes. */
function follow(of = "") {
  const ending = new AbortController();
  const seen: Event[] = [];
  let ended: unknown;
  const stream = rig.client.watchWorkloads(
    { environment: "default", namespace: of },
    { signal: ending.signal },
  );
  const reading = (async () => {
    for await (const { event } of stream) if (event !== undefined) seen.push(event);
  })().catch((error: unknown) => {
    ended = error;
  });
  const until = (what: string, passes: (event: Event) => boolean): Promise<Event> =>
    pollUntil(
      () => {
        if (ended !== undefined) throw ended;
        return seen.find(passes);
      },
      { everyMs: 10, timeoutMs: waitMs, what },
    );
  return {
    seen,
    until,
    untilImage: (name: string, image: string) =>
      until(`${name} of ${image}`, (event) => holds(event, name, image)),
    untilView: () => until("the view after the snapshot", (event) => event.$case === "view"),
    async stop() {
      ending.abort();
      await reading;
    },
  };
}

function holds(event: Event, name: string, image: string): boolean {
  if (event.$case !== "upserted" || event.value.name !== name) return false;
  return event.value.containers[0]?.image === image && event.value.rollout?.phase === complete;
}

describe("questions", () => {
  test("a list has every workload, or those of one namespace, with the age of the view", async () => {
    const all = await rig.client.listWorkloads({ environment: "default", namespace: "" });
    expect(all.workloads.map((one) => `${one.namespace}/${one.name}`)).toEqual([
      "shop/cart",
      "shop/front-end",
    ]);
    expect(all.view).toMatchObject({ complete: true, problem: "" });
    const none = await rig.client.listWorkloads({ environment: "default", namespace: "web" });
    expect(none.workloads).toEqual([]);
  });
  test("one workload is told with its rollout", async () => {
    const id = { environment: "default", namespace: "shop", kind: "deployment", name: "cart" };
    const settled = async () => {
      const { workload } = await rig.client.getWorkload(id);
      return workload?.rollout?.phase === complete ? workload : undefined;
    };
    const workload = await pollUntil(settled, { everyMs: 20, timeoutMs: waitMs });
    expect(workload).toMatchObject({
      containers: [{ name: "cart", image: "cart:1", init: false }],
      rollout: { desired: 1, updated: 1, ready: 1, available: 1 },
    });
  });
  test("a workload that does not run is not found", async () => {
    const id = { environment: "default", namespace: "shop", kind: "statefulset", name: "cart" };
    await expect(rig.client.getWorkload(id)).rejects.toMatchObject({
      code: "WORKLOAD_NOT_FOUND",
      detail: "shop:statefulset/cart",
    });
  });
  test("an environment that nobody watches is not found, for a stream as for a list", async () => {
    const unknown = { environment: "elsewhere", namespace: "" };
    await expect(rig.client.listWorkloads(unknown)).rejects.toMatchObject({ code: "ENVIRONMENT_NOT_FOUND" });
    const stream = rig.client.watchWorkloads(unknown)[Symbol.asyncIterator]();
    await expect(stream.next()).rejects.toMatchObject({ code: "ENVIRONMENT_NOT_FOUND" });
  });
});

describe("a stream", () => {
  test("begins with a snapshot, closed by the view, and goes on with views while nothing changes", async () => {
    const stream = follow();
    await stream.until(
      "three views",
      () => stream.seen.filter((event) => event.$case === "view").length >= 3,
    );
    const cases = stream.seen.map((event) => event.$case);
    const names = stream.seen
      .slice(0, 2)
      .map((event) => (event.$case === "upserted" ? event.value.name : ""));
    expect(names).toEqual(["cart", "front-end"]);
    expect(cases[2]).toBe("view");
    await stream.stop();
  });
  test("tells of each change, and of what is deleted with its uid", async () => {
    const stream = follow("shop");
    await stream.untilView();
    await rig.cluster.applyManifests(deployment("orders", "orders:1"));
    const made = await stream.untilImage("orders", "orders:1");
    await rig.cluster.applyManifests(deployment("orders", "orders:2"));
    await stream.untilImage("orders", "orders:2");
    await remove("/apis/apps/v1/namespaces/shop/deployments/orders");
    const gone = await stream.until("the deletion", (event) => event.$case === "deleted");
    const uid = made.$case === "upserted" ? made.value.uid : "";
    expect(gone.value).toEqual({ namespace: "shop", kind: "deployment", name: "orders", uid });
    await stream.stop();
  });
  test("of a namespace tells of no other", async () => {
    const [shop, web] = [follow("shop"), follow("web")];
    await Promise.all([shop.untilView(), web.untilView()]);
    await rig.cluster.applyManifests(deployment("edge", "edge:1", "web"));
    await web.untilImage("edge", "edge:1");
    await rig.cluster.applyManifests(deployment("cart", "cart:2"));
    await shop.untilImage("cart", "cart:2");
    const names = (stream: typeof shop) =>
      new Set(stream.seen.flatMap((event) => (event.$case === "upserted" ? [event.value.name] : [])));
    expect(names(shop).has("edge")).toBe(false);
    expect(names(web)).toEqual(new Set(["edge"]));
    await Promise.all([shop.stop(), web.stop()]);
  });
  test("says why a rollout does not end, and that it does once it can", async () => {
    const stream = follow();
    await stream.untilView();
    await rig.cluster.applyManifests(deployment("cart", "broken:1"));
    const told = await stream.until(
      "the reason",
      (event) =>
        event.$case === "upserted" &&
        /^(ErrImagePull|ImagePullBackOff)$/.test(event.value.rollout?.reason ?? ""),
    );
    expect(told.value).toMatchObject({
      name: "cart",
      rollout: {
        phase: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
        message: expect.stringMatching(/^cart-\w+-\w+/),
      },
    });
    await rig.cluster.applyManifests(deployment("cart", "cart:3"));
    await stream.untilImage("cart", "cart:3");
    await stream.stop();
  });
});

describe("the view survives", () => {
  test("watches that are cut", async () => {
    const stream = follow();
    await stream.untilView();
    rig.cluster.cutWatches();
    await rig.cluster.applyManifests(deployment("cart", "cart:4"));
    await stream.untilImage("cart", "cart:4");
    await untilView(rig.client, (view) => view.problem === "" && view.complete);
    await stream.stop();
  });
  test("a history that is gone: what was deleted meanwhile is told, and what was made", async () => {
    await rig.cluster.applyManifests(deployment("doomed", "doomed:1"));
    const stream = follow();
    await stream.untilImage("doomed", "doomed:1");
    rig.cluster.cutWatches();
    await remove("/apis/apps/v1/namespaces/shop/deployments/doomed");
    await rig.cluster.applyManifests(deployment("fresh", "fresh:1"));
    rig.cluster.forgetHistory();
    await stream.until("the deletion", (event) => event.$case === "deleted" && event.value.name === "doomed");
    await stream.untilImage("fresh", "fresh:1");
    await untilView(rig.client, (view) => view.problem === "" && view.complete);
    await stream.stop();
  });
  test("an API server that goes away: its age grows and says why, until it is back and all is told", async () => {
    const stream = follow();
    await stream.untilView();
    await rig.cluster.down();
    const stale = await untilView(rig.client, (view) => view.problem !== "");
    const older = await untilView(rig.client, (view) => view.ageMs > stale.ageMs + 200n);
    expect(older.complete).toBe(true);
    expect(older.problem).toMatch(/cannot be reached|ECONNREFUSED/);
    const { workloads } = await rig.client.listWorkloads({ environment: "default", namespace: "shop" });
    expect(workloads.length).toBeGreaterThan(0);
    await rig.cluster.applyManifests(deployment("cart", "cart:5"));
    await rig.cluster.up();
    await stream.untilImage("cart", "cart:5");
    const fresh = await untilView(rig.client, (view) => view.problem === "" && view.ageMs < older.ageMs);
    expect(fresh.complete).toBe(true);
    await stream.stop();
  });
});
