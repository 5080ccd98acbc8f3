import { expect, test } from "vitest";

import { createInformer } from "#common/kit/kube-informer.ts";
import type { Informer, InformerDeps } from "#common/kit/kube-informer.ts";
import { createReadyzProbe } from "#common/kit/kube-probe.ts";
import type { KubeEvent, WatchEnd } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { aCronJob, live } from "./cluster-lab.ts";
import type { ClusterLab } from "./cluster-lab.ts";
import { statesWatchedKinds } from "./cluster-watching-kinds.contract.ts";

/** Watches, bookmarks, versions that are too old, and the informer on top of them. */
export function statesWatching(lab: () => ClusterLab): void {
  statesWatches(lab);
  statesInformers(lab);
  statesWatchedKinds(lab);
}

const initialEvents = {
  sendInitialEvents: "true",
  resourceVersionMatch: "NotOlderThan",
  allowWatchBookmarks: "true",
};

function statesWatches(lab: () => ClusterLab): void {
  test("a watch can begin with everything there is, closed by a bookmark", async () => {
    const namespace = await lab().namespace();
    for (const name of ["a", "b"]) live(await lab().create(aCronJob({ namespace, name }, "test/ready:1")));
    const seen = await watchUntil(lab(), { namespace, query: initialEvents, until: isInitialEnd });
    expect(seen.events.map(nameOf).slice(0, -1).sort()).toEqual(["ADDED a", "ADDED b"]);
    expect(seen.events.at(-1)?.object.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  test("a watch goes on from a version with what happened after it, in order", async () => {
    const namespace = await lab().namespace();
    const a = aCronJob({ namespace, name: "a" }, "test/ready:1");
    const { resourceVersion = "" } = live(await lab().create(a)).metadata;
    const b = aCronJob({ namespace, name: "b" }, "test/ready:1");
    live(await lab().create(b));
    live(await lab().apply(aCronJob({ namespace, name: "b" }, "test/ready:2"), { force: "true" }));
    live(await lab().remove(a));
    const seen = await watchUntil(lab(), {
      namespace,
      query: { resourceVersion },
      until: (event) => event.type === "DELETED",
    });
    expect(seen.events.map(nameOf)).toEqual(["ADDED b", "MODIFIED b", "DELETED a"]);
    const versions = seen.events.map((event) => event.object.metadata.resourceVersion);
    expect(new Set(versions).size).toBe(3);
  });

  test("a watch ends by itself after the time asked for", async () => {
    const namespace = await lab().namespace();
    const first = live(await lab().create(aCronJob({ namespace }, "test/ready:1")));
    const { resourceVersion = "" } = first.metadata;
    const query = { resourceVersion, allowWatchBookmarks: "true", timeoutSeconds: "1" };
    const seen = await watchUntil(lab(), { namespace, query, until: () => false });
    expect(seen.end).toEqual({ kind: "closed" });
    expect(seen.events.filter((event) => event.type !== "BOOKMARK")).toEqual([]);
  });

  test("a watch can carry metadata alone", async () => {
    const namespace = await lab().namespace();
    live(await lab().create(aCronJob({ namespace }, "test/ready:1")));
    const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    const seen = await watchUntil(lab(), { namespace, query: initialEvents, accept, until: isInitialEnd });
    expect(seen.events[0]?.object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { namespace } });
    expect(seen.events[0]?.object).not.toHaveProperty("spec");
  });

  test("a version that is too old ends the watch as gone", async () => {
    const namespace = await lab().namespace();
    const { resourceVersion = "" } = live(
      await lab().create(aCronJob({ namespace }, "test/ready:1")),
    ).metadata;
    // Forgotten is only what something came after.
    live(await lab().apply(aCronJob({ namespace }, "test/ready:2"), { force: "true" }));
    await lab().cluster.forgetHistory();
    const seen = await watchUntil(lab(), { namespace, query: { resourceVersion }, until: () => false });
    expect(seen.end).toEqual({ kind: "gone" });
    expect(seen.events).toEqual([]);
  });
}

function statesInformers(lab: () => ClusterLab): void {
  test("an informer has what is there, then each change, deletions too", async () => {
    const namespace = await lab().namespace();
    live(await lab().create(aCronJob({ namespace, name: "a" }, "test/ready:1")));
    const informer = openInformer(lab(), namespace);
    await informer.synced;
    expect([...informer.items().keys()]).toEqual([`${namespace}/a`]);
    const changes: string[] = [];
    informer.subscribe((change) => changes.push(`${change.type} ${change.key}`));
    const b = aCronJob({ namespace, name: "b" }, "test/ready:1");
    live(await lab().create(b));
    live(await lab().remove(b));
    await pollUntil(() => changes.length >= 2, { everyMs: 10, timeoutMs: 10_000 });
    expect(changes).toEqual([`upsert ${namespace}/b`, `delete ${namespace}/b`]);
    expect([...informer.items().keys()]).toEqual([`${namespace}/a`]);
    await informer.stop();
  });

  test("an informer that is reconnected misses nothing and reads nothing twice", async () => {
    const namespace = await lab().namespace();
    live(await lab().create(aCronJob({ namespace, name: "a" }, "test/ready:1")));
    const informer = openInformer(lab(), namespace);
    await informer.synced;
    const changes: string[] = [];
    informer.subscribe((change) => changes.push(`${change.type} ${change.key}`));
    informer.reconnect();
    live(await lab().create(aCronJob({ namespace, name: "b" }, "test/ready:1")));
    await pollUntil(() => informer.items().size === 2, { everyMs: 10, timeoutMs: 10_000 });
    expect(changes).toEqual([`upsert ${namespace}/b`]);
    expect(informer.state()).toMatchObject({ synced: true, watchOpen: true, resyncs: 1 });
    await informer.stop();
  });

  test("an informer whose version was forgotten reads everything again and tells what is gone", async () => {
    const namespace = await lab().namespace();
    const a = aCronJob({ namespace, name: "a" }, "test/ready:1");
    live(await lab().create(a));
    live(await lab().create(aCronJob({ namespace, name: "b" }, "test/ready:1")));
    const informer = openInformer(lab(), namespace);
    await informer.synced;
    const gone = new Promise<string>((resolve) => {
      informer.subscribe((change) => {
        if (change.type === "delete") resolve(change.key);
      });
    });
    // Something elsewhere, so that the informer's version is not the last one.
    await lab().namespace();
    await lab().cluster.forgetHistory();
    informer.reconnect();
    live(await lab().remove(a));
    expect(await gone).toBe(`${namespace}/a`);
    await pollUntil(() => informer.state().watchOpen, { everyMs: 10, timeoutMs: 10_000 });
    expect(informer.state().resyncs).toBeGreaterThanOrEqual(2);
    expect([...informer.items().keys()]).toEqual([`${namespace}/b`]);
    await informer.stop();
  });

  test("an informer pages through a list where a watch cannot begin with everything", async () => {
    const namespace = await lab().namespace();
    live(await lab().create(aCronJob({ namespace, name: "a" }, "test/ready:1")));
    const { api } = lab();
    const older = {
      ...api,
      watch: (request: Parameters<typeof api.watch>[0]): Promise<WatchEnd> =>
        request.query?.["sendInitialEvents"] === undefined
          ? api.watch(request)
          : Promise.resolve({ kind: "error", status: 422, error: new Error("not served") }),
    };
    const informer = openInformer({ ...lab(), api: older }, namespace);
    await informer.synced;
    expect([...informer.items().keys()]).toEqual([`${namespace}/a`]);
    live(await lab().create(aCronJob({ namespace, name: "b" }, "test/ready:1")));
    await pollUntil(() => informer.items().size === 2, { everyMs: 10, timeoutMs: 10_000 });
    await informer.stop();
  });

  test("a probe of a ready server has an age", async () => {
    const probe = createReadyzProbe({ api: lab().api, everyMs: 50 });
    expect(probe.ageMs()).toBe(Infinity);
    probe.start();
    await pollUntil(() => Number.isFinite(probe.ageMs()), { everyMs: 10, timeoutMs: 10_000 });
    await probe.stop();
    expect(probe.lastError()).toBeUndefined();
  });
}

function openInformer(lab: Pick<ClusterLab, "api">, namespace: string): Informer<string> {
  const deps: InformerDeps<string> = {
    api: lab.api,
    path: `/apis/batch/v1/namespaces/${namespace}/cronjobs`,
    project: (object) => object.metadata.name ?? "",
    delays: { reconnectMs: 50, maxMs: 500 },
  };
  const informer = createInformer(deps);
  informer.start();
  return informer;
}

async function watchUntil(
  lab: ClusterLab,
  o: {
    namespace: string;
    query: Record<string, string>;
    accept?: string;
    until: (event: KubeEvent) => boolean;
  },
): Promise<{ events: KubeEvent[]; end: WatchEnd }> {
  const enough = new AbortController();
  const events: KubeEvent[] = [];
  const end = await lab.api.watch({
    path: `/apis/batch/v1/namespaces/${o.namespace}/cronjobs`,
    query: o.query,
    ...(o.accept === undefined ? {} : { accept: o.accept }),
    signal: AbortSignal.any([enough.signal, AbortSignal.timeout(20_000)]),
    onEvent: (event) => {
      events.push(event);
      if (o.until(event)) enough.abort();
    },
  });
  return { events, end };
}

function isInitialEnd(event: KubeEvent): boolean {
  return event.object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";
}

function nameOf(event: KubeEvent): string {
  return `${event.type} ${event.object.metadata.name}`;
}
