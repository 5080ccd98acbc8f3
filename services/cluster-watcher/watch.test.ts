import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { systemClock, type Clock } from "#common/kit/clock.ts";
import { createGrpcClient, createGrpcServer, type GrpcClient, type GrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import {
  ClusterServiceDefinition,
  RolloutPhase,
  type View,
  type WatchWorkloadsResponse,
} from "#proto/slipway/cluster/v1/cluster.ts";
import { createSandboxCluster, type SandboxCluster } from "#sandbox/cluster/cluster.ts";

import { createClusterService } from "./grpc.ts";
import { watchEnvironment, type EnvironmentWatch } from "./watch-environment.ts";

// The watcher as it runs, between a cluster and a client, each on its own socket.

const complete = RolloutPhase.ROLLOUT_PHASE_COMPLETE;
const waitMs = 15_000;
type Client = GrpcClient<typeof ClusterServiceDefinition>;
type Event = NonNullable<WatchWorkloadsResponse["event"]>;

interface Rig {
  readonly cluster: SandboxCluster;
  readonly client: Client;
  readonly watch: EnvironmentWatch;
  stop(): Promise<void>;
}

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
}, 60_000);

afterAll(async () => {
  await rig.stop();
});

async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), "cluster-watcher-"));
  const cluster = createSandboxCluster({
    readyAfterMs: 0,
    bookmarkEveryMs: 500,
    outcome: (image) => (image.includes("broken") ? "pull-failure" : "ready"),
  });
  await cluster.start();
  await cluster.applyManifests(["shop", "web"].map(namespace).join("---\n"));
  await cluster.applyManifests(
    [deployment("front-end", "front-end:1"), deployment("cart", "cart:1")].join("---\n"),
  );
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  const watch = watchOf(kubeconfig);
  const server = serverOf([watch]);
  await watch.start?.();
  await server.start();
  const client = createGrpcClient(ClusterServiceDefinition, { address: `127.0.0.1:${server.port()}` });
  await untilView(client, (view) => view.complete && view.problem === "");
  return {
    cluster,
    client,
    watch,
    async stop() {
      client.close();
      await server.stop();
      await watch.stop?.();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function watchOf(kubeconfig: string, clock: Clock = systemClock): EnvironmentWatch {
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { kubeconfig },
    git: { url: "https://git.example.com/config.git" },
  });
  const connect = () => createKubeApi(environment.cluster);
  return watchEnvironment({ environment, connect, clock, log: silentLog });
}

function serverOf(watches: readonly EnvironmentWatch[]): GrpcServer {
  return createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[ClusterServiceDefinition, createClusterService(watches)]],
    log: silentLog,
  });
}

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`;

function deployment(name: string, image: string, of = "shop"): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${of} }
spec:
  replicas: 1
  selector: { matchLabels: { name: ${name} } }
  template:
    metadata: { labels: { name: ${name} } }
    spec: { containers: [{ name: ${name}, image: "${image}" }] }
`;
}

async function remove(path: string): Promise<void> {
  const headers = { authorization: `Bearer ${rig.cluster.token}` };
  const answer = await fetch(`${rig.cluster.url}${path}`, { method: "DELETE", headers });
  expect(answer.status).toBe(200);
}

async function viewOf(client: Client): Promise<View> {
  const { view } = await client.listWorkloads({ environment: "default", namespace: "" });
  if (view === undefined) throw new Error("the answer has no view");
  return view;
}

function untilView(client: Client, passes: (view: View) => boolean): Promise<View> {
  const ask = async (): Promise<View | undefined> => {
    const view = await viewOf(client);
    return passes(view) ? view : undefined;
  };
  return pollUntil(ask, { everyMs: 50, timeoutMs: waitMs, what: "the view" });
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

describe("a token in a file", () => {
  test("that ran out makes the view old, and a new one in its place makes it fresh", async () => {
    const folder = await folderOf();
    const [config, file] = [join(folder, "kubeconfig"), join(folder, "token")];
    await writeFile(file, await tokenFor(1));
    await writeFile(config, rig.cluster.kubeconfigYaml.replace(/token: .*/, "tokenFile: token"));
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 20), signal);
    const watch = watchOf(config, { ...systemClock, sleep });
    await watch.start?.();
    const until = (what: string, holds: () => boolean) =>
      pollUntil(holds, { everyMs: 10, timeoutMs: waitMs, what });
    await until("the refusal", () => watch.view().problem.includes("401"));
    await writeFile(file, await tokenFor(600));
    await until("a fresh view", () => watch.view().problem === "" && watch.view().ageMs < 1_000n);
    expect(watch.view().complete).toBe(true);
    await watch.stop?.();
  });
});

describe("a cluster that cannot be connected to", () => {
  test("makes a view that is as old as can be and says why, not a process that fails", async () => {
    const watch = watchOf(join(tmpdir(), "no-such-kubeconfig"));
    expect(watch.view()).toMatchObject({ complete: false, problem: "not connected yet" });
    await watch.start?.();
    const ask = () => watch.view().problem !== "not connected yet";
    await pollUntil(ask, { everyMs: 10, timeoutMs: waitMs, what: "the reason" });
    expect(watch.view()).toMatchObject({
      ageMs: BigInt(Number.MAX_SAFE_INTEGER),
      complete: false,
      problem: expect.stringContaining("no-such-kubeconfig"),
    });
    expect(watch.all()).toEqual([]);
    await watch.stop?.();
  });
  test("is tried again until it is there", async () => {
    let tries = 0;
    const { watch } = rig;
    const second = watchEnvironment({
      environment: environmentSettings.parse({
        name: "second",
        cluster: { inCluster: true },
        git: { url: "https://git.example.com/config.git" },
      }),
      connect: async () => {
        tries += 1;
        if (tries === 1) throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: "not yet" });
        return createKubeApi({ kubeconfig: await kubeconfigOf(rig.cluster) });
      },
      clock: { ...systemClock, sleep: (_, signal) => systemClock.sleep(5, signal) },
      log: silentLog,
    });
    await second.start?.();
    await pollUntil(() => second.view().complete, {
      everyMs: 10,
      timeoutMs: waitMs,
      what: "the second view",
    });
    expect(second.all().map((one) => one.name)).toEqual(watch.all().map((one) => one.name));
    await second.stop?.();
  });
});

const folders: string[] = [];

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cluster-watcher-"));
  folders.push(folder);
  return folder;
}

async function kubeconfigOf(cluster: SandboxCluster): Promise<string> {
  const path = join(await folderOf(), "kubeconfig");
  await writeFile(path, cluster.kubeconfigYaml, { mode: 0o600 });
  return path;
}

/** A service account's token that runs out. */
async function tokenFor(expirationSeconds: number): Promise<string> {
  const path = "/api/v1/namespaces/shop/serviceaccounts";
  const ask = (under: string, body: unknown) =>
    fetch(`${rig.cluster.url}${path}${under}`, {
      method: "POST",
      headers: { authorization: `Bearer ${rig.cluster.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  // There already from the second time on.
  await ask("", { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "watcher" } });
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds },
  };
  const { status } = (await (await ask("/watcher/token", request)).json()) as { status: { token: string } };
  return status.token;
}
