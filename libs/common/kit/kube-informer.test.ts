import { expect, test } from "vitest";

import { createFakeClock } from "#common/testing/fake-clock.ts";

import { createInformer } from "./kube-informer.ts";
import type { Informer, InformerDeps } from "./kube-informer.ts";
import type { KubeApi, KubeEvent, KubeObject, KubeWatchRequest, WatchEnd } from "./kube-types.ts";

const path = "/apis/apps/v1/deployments";

test("it is whole at the closing bookmark of the initial events", async () => {
  const { informer, next } = open();
  const watch = await next();
  expect(watch.query).toMatchObject({
    sendInitialEvents: "true",
    resourceVersionMatch: "NotOlderThan",
    allowWatchBookmarks: "true",
    timeoutSeconds: "300",
  });
  watch.open();
  watch.tell("ADDED", "a", "1");
  expect(informer.state()).toMatchObject({ synced: false, watchOpen: false });
  watch.tellInitialEnd("5");
  await informer.synced;
  expect(informer.state()).toMatchObject({ synced: true, watchOpen: true });
  expect(Object.fromEntries(informer.items())).toEqual({ "shop/a": "a@1" });
  await informer.stop();
});

test("it tells each change in order, and goes on from the last version after a cut", async () => {
  const { informer, next, changes, clock } = open();
  const first = await next();
  first.open();
  first.tellInitialEnd("5");
  first.tell("ADDED", "a", "6");
  first.tell("MODIFIED", "a", "7");
  first.tell("DELETED", "a", "8");
  first.tell("BOOKMARK", "", "9");
  first.end({ kind: "error", error: new Error("terminated") });
  await clock.untilSomeoneSleeps();
  expect(informer.state()).toMatchObject({ synced: true, watchOpen: false });
  await clock.advance(500);
  const second = await next();
  expect(second.query).toMatchObject({ resourceVersion: "9", allowWatchBookmarks: "true" });
  expect(second.query).not.toHaveProperty("sendInitialEvents");
  second.open();
  expect(informer.state()).toMatchObject({ watchOpen: true, resyncs: 1 });
  expect(changes).toEqual(["upsert shop/a a@6", "upsert shop/a a@7", "delete shop/a"]);
  await informer.stop();
});

test("a version that is gone leads to a new whole view that tells only what differs", async () => {
  const { informer, next, changes, clock } = open();
  const first = await next();
  first.open();
  for (const name of ["gone", "same", "moved"]) first.tell("ADDED", name, "1");
  first.tellInitialEnd("5");
  first.end({ kind: "gone" });
  changes.length = 0;
  await clock.untilSomeoneSleeps();
  await clock.advance(500);
  const second = await next();
  expect(second.query).toMatchObject({ sendInitialEvents: "true" });
  second.open();
  second.tell("ADDED", "same", "1");
  second.tell("ADDED", "moved", "7");
  expect([...informer.items().keys()]).toContain("shop/gone");
  second.tellInitialEnd("8");
  expect(changes).toEqual(["upsert shop/moved moved@7", "delete shop/gone"]);
  expect(informer.state()).toMatchObject({ synced: true, resyncs: 2 });
  await informer.stop();
});

test("a first view that was cut begins again from nothing", async () => {
  const { informer, next, clock } = open();
  const first = await next();
  first.open();
  first.tell("ADDED", "a", "3");
  first.end({ kind: "closed" });
  await clock.untilSomeoneSleeps();
  await clock.advance(500);
  const second = await next();
  expect(second.query).toMatchObject({ sendInitialEvents: "true" });
  second.open();
  second.tellInitialEnd("5");
  await informer.synced;
  expect(informer.items().size).toBe(0);
  await informer.stop();
});

test("a server that refuses initial events is listed in pages of 500", async () => {
  const pages: Record<string, unknown>[] = [
    { items: [objectOf("a", "1")], metadata: { resourceVersion: "40", continue: "more" } },
    { items: [objectOf("b", "2")], metadata: { resourceVersion: "40" } },
  ];
  const { informer, next, requests, clock } = open({ answer: () => ({ status: 200, body: pages.shift() }) });
  (await next()).end({ kind: "error", status: 422, error: new Error("sendInitialEvents: Forbidden") });
  await clock.untilSomeoneSleeps();
  await clock.advance(500);
  const second = await next();
  await informer.synced;
  expect([...informer.items().keys()]).toEqual(["shop/a", "shop/b"]);
  expect(requests).toEqual([{ limit: "500" }, { limit: "500", continue: "more" }]);
  expect(second.query).toMatchObject({ resourceVersion: "40" });
  await informer.stop();
});

test("a refused credential is read anew before the next connection", async () => {
  const { informer, next, reloads, clock } = open();
  (await next()).end({ kind: "unauthorized" });
  await clock.untilSomeoneSleeps();
  expect(reloads()).toBe(1);
  await clock.advance(500);
  await next();
  await informer.stop();
});

test("while it keeps failing the pauses grow to a limit, and a good connection makes them short again", async () => {
  const { informer, next, clock, errors } = open();
  const failed: WatchEnd = { kind: "error", error: new Error("connect ECONNREFUSED") };
  for (const pauseMs of [500, 1_000, 2_000, 3_000, 3_000]) {
    (await next()).end(failed);
    await clock.untilSomeoneSleeps();
    await clock.advance(pauseMs - 1);
    expect(clock.sleeping()).toBe(1);
    await clock.advance(1);
    expect(clock.sleeping()).toBe(0);
  }
  expect(errors).toHaveLength(5);
  const good = await next();
  good.open();
  good.tellInitialEnd("5");
  good.end({ kind: "closed" });
  await clock.untilSomeoneSleeps();
  await clock.advance(500);
  await next();
  await informer.stop();
});

test("reconnect cuts the watch and opens the next at once", async () => {
  const { informer, next, clock } = open();
  const first = await next();
  first.open();
  first.tellInitialEnd("5");
  informer.reconnect();
  const second = await next();
  expect(first.signal.aborted).toBe(true);
  expect(second.query).toMatchObject({ resourceVersion: "5" });
  second.end({ kind: "error", error: new Error("terminated") });
  await clock.untilSomeoneSleeps();
  informer.reconnect();
  await next();
  await informer.stop();
});

test("a first view that falls silent is an error of its own, and is asked for anew", async () => {
  const { informer, next, clock, errors } = open();
  const first = await next();
  expect(first.silenceMs?.()).toBe(10_000);
  first.end({ kind: "error", silent: true, error: new Error("nothing was told for too long") });
  await clock.untilSomeoneSleeps();
  expect(errors).toHaveLength(1);
  await clock.advance(3_000);
  const second = await next();
  expect(second.query).toMatchObject({ sendInitialEvents: "true" });
  second.open();
  second.tellInitialEnd("5");
  expect(second.silenceMs?.()).toBe(90_000);
  await informer.stop();
});

test("two open watches in a row that stay silent make it doubt its version", async () => {
  const { informer, next, clock, errors } = open();
  const silent: WatchEnd = { kind: "error", silent: true, error: new Error("Body Timeout Error") };
  const first = await next();
  first.open();
  first.tellInitialEnd("5");
  first.end(silent);
  for (let connection = 1; connection <= 2; connection += 1) {
    await clock.untilSomeoneSleeps();
    await clock.advance(3_000);
    const watch = await next();
    expect(watch.query).toMatchObject({ resourceVersion: "5" });
    watch.open();
    watch.end(silent);
  }
  await clock.untilSomeoneSleeps();
  await clock.advance(3_000);
  expect((await next()).query).toMatchObject({ sendInitialEvents: "true" });
  expect(errors).toEqual([]);
  await informer.stop();
});

test("an object that is none of ours is not kept, and one that ceases to be ours is told as deleted", async () => {
  const { informer, next, changes } = open({
    project: ({ metadata }) => (metadata.resourceVersion === "9" ? undefined : `${metadata.name}`),
  });
  const watch = await next();
  watch.open();
  watch.tell("ADDED", "other", "9");
  watch.tell("ADDED", "a", "1");
  watch.tellInitialEnd("5");
  watch.tell("MODIFIED", "a", "9");
  watch.tell("DELETED", "other", "9");
  expect(changes).toEqual(["upsert shop/a a", "delete shop/a"]);
  expect(informer.items().size).toBe(0);
  await informer.stop();
});

test("what is forbidden is asked for ever more rarely, said with its status, and forgotten when opened", async () => {
  const { informer, next, clock } = open();
  const forbidden: WatchEnd = { kind: "error", status: 403, error: new Error("pods is forbidden") };
  for (const pauseMs of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    (await next()).end(forbidden);
    await clock.untilSomeoneSleeps();
    expect(informer.state()).toMatchObject({ synced: false, refused: { status: 403, sinceMs: 0 } });
    await clock.advance(pauseMs - 1);
    expect(clock.sleeping()).toBe(1);
    await clock.advance(1);
  }
  const good = await next();
  good.open();
  good.tellInitialEnd("5");
  expect(informer.state()).toMatchObject({ synced: true, refused: undefined, lastError: undefined });
  await informer.stop();
});

test("a list that is refused says its status too", async () => {
  const { informer, next, clock } = open({ answer: () => ({ status: 403, body: { message: "no" } }) });
  (await next()).end({ kind: "error", status: 422, error: new Error("sendInitialEvents: Forbidden") });
  await clock.untilSomeoneSleeps();
  expect(informer.state().refused).toBeUndefined();
  await clock.advance(500);
  await clock.untilSomeoneSleeps();
  expect(informer.state().refused).toMatchObject({ status: 403 });
  await informer.stop();
});

test("forgetting tells all as deleted, and begins anew with everything", async () => {
  const { informer, next, changes } = open();
  const first = await next();
  first.open();
  first.tell("ADDED", "a", "1");
  first.tellInitialEnd("5");
  informer.forget();
  // The rest of what was under way is not listened to.
  first.tell("ADDED", "b", "6");
  expect(informer.state()).toMatchObject({ synced: false, watchOpen: false });
  expect(changes).toEqual(["upsert shop/a a@1", "delete shop/a"]);
  const second = await next();
  expect(second.query).toMatchObject({ sendInitialEvents: "true" });
  second.open();
  second.tell("ADDED", "a", "1");
  second.tellInitialEnd("7");
  expect(informer.state()).toMatchObject({ synced: true, watchOpen: true });
  expect([...informer.items().keys()]).toEqual(["shop/a"]);
  await informer.stop();
});

test("a projection or a subscriber that fails is told and stops nothing", async () => {
  const { informer, next, errors, changes } = open({
    project: (object) => {
      if (object.metadata.name === "odd") throw new Error("cannot read odd");
      return `${object.metadata.name}`;
    },
  });
  const end = informer.subscribe(() => {
    throw new Error("listener fell over");
  });
  const watch = await next();
  watch.open();
  watch.tell("ADDED", "odd", "1");
  watch.tell("ADDED", "a", "2");
  end();
  watch.tell("ADDED", "b", "3");
  watch.tellInitialEnd("5");
  await informer.synced;
  expect(errors.map(String)).toEqual(["Error: cannot read odd", "Error: listener fell over"]);
  expect(changes).toEqual(["upsert shop/a a", "upsert shop/b b"]);
  await informer.stop();
});

test("stopping before the first whole view rejects whoever waits for it", async () => {
  const { informer, next } = open();
  await next();
  await informer.stop();
  await expect(informer.synced).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
});

interface Connection {
  readonly query: Readonly<Record<string, string>>;
  readonly silenceMs: (() => number) | undefined;
  readonly signal: AbortSignal;
  open(): void;
  tell(type: KubeEvent["type"], name: string, version: string): void;
  tellInitialEnd(version: string): void;
  end(end: WatchEnd): void;
}

interface OpenOptions {
  readonly project?: InformerDeps<string>["project"];
  readonly answer?: () => { status: number; body: unknown };
}

/** An informer on an API whose every watch is played by the test. */
function open(options: OpenOptions = {}) {
  const clock = createFakeClock();
  const requests: unknown[] = [];
  const errors: unknown[] = [];
  const changes: string[] = [];
  const arrived: Connection[] = [];
  let waiting: (() => void) | undefined;
  let reloads = 0;
  const api = {
    request: async ({ query }: { query?: unknown }) => {
      requests.push(query);
      return { headers: new Headers(), ...(options.answer?.() ?? { status: 500, body: "" }) };
    },
    watch: (request: KubeWatchRequest) => {
      const ended = Promise.withResolvers<WatchEnd>();
      request.signal.addEventListener("abort", () => ended.resolve({ kind: "closed" }));
      arrived.push(connectionOf(request, ended.resolve));
      waiting?.();
      return ended.promise;
    },
    reloadCredentials: async () => {
      reloads += 1;
    },
  } as unknown as KubeApi;
  const informer: Informer<string> = createInformer({
    api,
    path,
    project: options.project ?? (({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`),
    onError: (error) => errors.push(error),
    clock,
    random: () => 1,
  });
  informer.subscribe((change) =>
    changes.push([change.type, change.key, ...(change.type === "upsert" ? [change.item] : [])].join(" ")),
  );
  informer.start();
  const next = async (): Promise<Connection> => {
    if (arrived.length === 0) await new Promise<void>((resolve) => (waiting = resolve));
    return arrived.shift() as Connection;
  };
  return { informer, next, changes, errors, requests, clock, reloads: () => reloads };
}

function connectionOf(request: KubeWatchRequest, end: (end: WatchEnd) => void): Connection {
  return {
    query: request.query ?? {},
    silenceMs: request.silenceMs,
    signal: request.signal,
    open: () => request.onOpen?.(),
    tell: (type, name, version) => request.onEvent({ type, object: objectOf(name, version) }),
    tellInitialEnd: (resourceVersion) => {
      const annotations = { "k8s.io/initial-events-end": "true" };
      request.onEvent({ type: "BOOKMARK", object: { metadata: { resourceVersion, annotations } } });
    },
    end,
  };
}

function objectOf(name: string, resourceVersion: string): KubeObject {
  return { metadata: { namespace: "shop", name, resourceVersion } };
}
