import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";

import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";

import { runUntilSignal } from "./lifecycle.ts";
import type { ProcessHost, Service } from "./lifecycle.ts";
import { pollUntil } from "./retry.ts";

function aHost(channel: "none" | "open" | "closed" = "none") {
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
    parentChannel: () => channel,
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
  { channel: "open" as const, exitWithParent: true, listens: 1 },
  { channel: "none" as const, exitWithParent: true, listens: 0 },
  { channel: "open" as const, exitWithParent: false, listens: 0 },
])("stops with its parent only where asked and there is a channel: %o", async (given) => {
  const { host, events } = aHost(given.channel);
  const { last, started } = parts();
  const run = runUntilSignal([last], { host, exitWithParent: given.exitWithParent });
  await started;
  expect(events.listenerCount("disconnect")).toBe(given.listens);
  events.emit(given.listens === 1 ? "disconnect" : "SIGTERM");
  await run;
});

test("stops at once when its parent is gone before it listens", async () => {
  const { host } = aHost("closed");
  const { acts, part } = parts();
  await runUntilSignal([part("never")], { host, exitWithParent: true });
  expect(acts).toEqual([]);
});

const module = JSON.stringify(new URL("./lifecycle.ts", import.meta.url).href);

/** Runs a real process whose one part prints what happens to it. */
function aProcess(part: string, options = "{}") {
  const script = `import { runUntilSignal } from ${module};
    const say = (text) => console.log(text);
    await runUntilSignal([${part}], ${options});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const output = { out: "", err: "" };
  child.stdout?.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
  const said = (text: string) =>
    pollUntil(() => output.out.includes(text), { everyMs: 5, timeoutMs: 10_000, what: text });
  // Not "close": Node does not emit it after a disconnect.
  return { child, output, said, ended: once(child, "exit") };
}

const chatty = `{ name: "p", start: async () => say("up"), stop: async () => say("down") }`;

test("a real process without open handles stays up until SIGTERM, then ends with 0", async () => {
  const { child, said, ended } = aProcess(chatty);
  await said("up");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  await said("down");
});

test("a real process that cannot start ends with 1 and a sentence", async () => {
  const { output, ended } = aProcess(`{ name: "p", start: async () => { throw new Error("port taken") } }`);
  expect(await ended).toEqual([1, null]);
  await pollUntil(() => output.err !== "", { everyMs: 5, timeoutMs: 5_000 });
  expect(output.err).toBe("slipway: Something went wrong on our side: port taken\n");
});

test("a real process ends when its parent lets go of it", async () => {
  const { child, said, ended } = aProcess(chatty, "{ exitWithParent: true }");
  await said("up");
  child.disconnect();
  expect(await ended).toEqual([0, null]);
  await said("down");
});

test("a handle that stays open does not keep a stopped process alive", async () => {
  const leaky = `{ name: "p", start: async () => { setInterval(() => {}, 1000); say("up") } }`;
  const { child, said, ended } = aProcess(leaky);
  await said("up");
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
});
