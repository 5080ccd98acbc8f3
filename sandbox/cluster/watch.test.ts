import { afterEach, expect, test } from "vitest";

import { at, withAt, type JsonObject } from "./json.ts";
import { kindNamed } from "./kinds.ts";
import { aDeployment, createRig, type Rig } from "./rig.ts";
import { parseLabelSelector } from "./selectors.ts";
import { createWatchHub, type WatchRequest } from "./watch.ts";

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function watching(rig: Rig, request: Partial<WatchRequest> = {}) {
  const hub = createWatchHub({ store: rig.store, bookmarkEveryMs: 60_000 });
  const events: JsonObject[] = [];
  const state = { ended: false };
  closers.push(() => hub.endAll());
  const full: WatchRequest = {
    kind: kindNamed("Deployment"),
    namespace: "shop",
    match: () => true,
    shape: "object",
    from: undefined,
    bookmarks: true,
    markInitialEnd: false,
    timeoutMs: 60_000,
    ...request,
  };
  hub.open(full, {
    write: (line) => events.push(JSON.parse(line) as JsonObject),
    end: () => {
      state.ended = true;
    },
    onClose: () => undefined,
  });
  return { events, state, types: () => events.map(({ type }) => type) };
}

const quiet = { controllers: false };

test("a watch-list begins with what exists and marks its end", () => {
  const rig = createRig(quiet);
  rig.apply(aDeployment("web:1"));
  const { events, types } = watching(rig, { markInitialEnd: true });
  expect(types()).toEqual(["ADDED", "BOOKMARK"]);
  expect(at(events[1], "object", "metadata")).toEqual({
    resourceVersion: String(rig.store.version()),
    annotations: { "k8s.io/initial-events-end": "true" },
  });
});

test("a watch from a version gets what happened since, and what happens", () => {
  const rig = createRig(quiet);
  rig.apply(aDeployment("web:1"));
  const from = rig.store.version();
  rig.apply(aDeployment("web:2"));
  const { types } = watching(rig, { from });
  rig.remove(rig.apply(aDeployment("web:3")));
  expect(types()).toEqual(["MODIFIED", "MODIFIED", "DELETED"]);
});

test("a version that the history no longer reaches is answered with 410 and the end", () => {
  const rig = createRig({ controllers: false, historyLimit: 3 });
  const from = rig.store.version();
  for (const tag of [1, 2, 3, 4, 5]) rig.apply(aDeployment(`web:${tag}`));
  const { events, state } = watching(rig, { from });
  expect(events).toMatchObject([{ type: "ERROR", object: { code: 410, reason: "Expired" } }]);
  expect(state.ended).toBe(true);
});

test("the newest version is too old too once the history is forgotten", () => {
  const rig = createRig(quiet);
  const from = rig.store.version();
  rig.store.forget();
  expect(watching(rig, { from }).types()).toEqual(["ERROR"]);
});

test("an object that begins or ceases to match is added or deleted for the watch", () => {
  const rig = createRig(quiet);
  const labelled = (tier: string) => withAt(aDeployment("web:1"), ["metadata", "labels"], { tier });
  rig.apply(labelled("back"));
  const { types } = watching(rig, { match: parseLabelSelector("tier=front") });
  rig.apply(labelled("front"));
  rig.apply(labelled("back"));
  expect(types()).toEqual(["ADDED", "DELETED"]);
});

test("a watch of metadata carries nothing else", () => {
  const rig = createRig(quiet);
  rig.apply(aDeployment("web:1"));
  const { events } = watching(rig, { shape: "metadata" });
  expect(Object.keys(at(events[0], "object") ?? {})).toEqual(["kind", "apiVersion", "metadata"]);
});

test("other namespaces and kinds are not told", () => {
  const rig = createRig(quiet);
  const { types } = watching(rig, { namespace: "other" });
  rig.apply(aDeployment("web:1"));
  expect(types()).toEqual([]);
});
