import { EventEmitter } from "node:events";

import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";

import { runUntilSignal } from "./lifecycle.ts";
import type { ProcessHost, Service } from "./lifecycle.ts";

function aHost(channel = false) {
  const events = new EventEmitter();
  const seen = { printed: "", exits: [] as number[], exitCode: 0 };
  const host: ProcessHost = {
    on: (event, listener) => void events.on(event, listener),
    off: (event, listener) => void events.off(event, listener),
    print: (text) => {
      seen.printed += text;
    },
    exit: (code) => void seen.exits.push(code),
    setExitCode: (code) => {
      seen.exitCode = code;
    },
    hasParentChannel: () => channel,
  };
  return { host, seen, events };
}

function parts() {
  const acts: string[] = [];
  const started = Promise.withResolvers<void>();
  const part = (name: string, more: Partial<Service> = {}): Service => ({
    name,
    start: async () => void acts.push(`start ${name}`),
    stop: async () => void acts.push(`stop ${name}`),
    ...more,
  });
  const last: Service = { name: "last", start: async () => started.resolve() };
  return { acts, part, last, started: started.promise };
}

test.each(["SIGINT", "SIGTERM"])("starts in order and stops in reverse on %s", async (signal) => {
  const { host, events } = aHost();
  const { acts, part, last, started } = parts();
  const run = runUntilSignal([part("store"), part("queue"), last], { host });
  await started;
  events.emit(signal);
  await run;
  expect(acts).toEqual(["start store", "start queue", "stop queue", "stop store"]);
  expect(events.eventNames()).toEqual([]);
});

test("a failed start stops what was started and says why in words, without a stack", async () => {
  const { host, seen } = aHost();
  const { acts, part } = parts();
  const failing = part("queue", {
    start: () =>
      Promise.reject(new SlipwayError("STORE_UNAVAILABLE", { detail: "db:5432 refused", hint: "Start it." })),
  });
  await runUntilSignal([part("store"), failing, part("never")], { host });
  expect(acts).toEqual(["start store", "stop queue", "stop store"]);
  expect(seen.printed).toBe(
    "slipway: The database cannot be reached (STORE_UNAVAILABLE)\n  db:5432 refused\n  Start it.\n",
  );
  expect(seen.exitCode).toBe(1);
});

test("a second signal ends the process at once", async () => {
  const { host, seen, events } = aHost();
  const { part, last, started } = parts();
  const gate = Promise.withResolvers<void>();
  const run = runUntilSignal([part("slow", { stop: () => gate.promise }), last], { host });
  await started;
  events.emit("SIGINT");
  expect(seen.exits).toEqual([]);
  events.emit("SIGINT");
  expect(seen.exits).toEqual([130]);
  gate.resolve();
  await run;
});

test("a part that does not stop, or fails to, does not keep the others from stopping", async () => {
  const { host, events } = aHost();
  const { acts, part, last, started } = parts();
  const hanging = part("hanging", { stop: () => new Promise(() => undefined) });
  const failing = part("failing", { stop: () => Promise.reject(new Error("no")) });
  const run = runUntilSignal([part("store"), hanging, failing, last], { host, stopTimeoutMs: 20 });
  await started;
  events.emit("SIGTERM");
  await run;
  expect(acts.at(-1)).toBe("stop store");
});

test("a signal during the start keeps later parts from starting", async () => {
  const { host, events } = aHost();
  const { acts, part } = parts();
  const first = part("first", { start: async () => void events.emit("SIGTERM") });
  await runUntilSignal([first, part("second")], { host });
  expect(acts).toEqual(["stop first"]);
});

test.each([
  { channel: true, exitWithParent: true, listens: 1 },
  { channel: false, exitWithParent: true, listens: 0 },
  { channel: true, exitWithParent: false, listens: 0 },
])("stops with its parent only where asked and there is a channel: %o", async (given) => {
  const { host, events } = aHost(given.channel);
  const { last, started } = parts();
  const run = runUntilSignal([last], { host, exitWithParent: given.exitWithParent });
  await started;
  expect(events.listenerCount("disconnect")).toBe(given.listens);
  events.emit(given.listens === 1 ? "disconnect" : "SIGTERM");
  await run;
});
