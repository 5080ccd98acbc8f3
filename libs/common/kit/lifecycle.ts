import { SlipwayError, errorCatalogue } from "#common/domain/errors.ts";

import type { Log } from "./log.ts";

/** A part of a process that is started once and stopped once. */
export interface Service {
  readonly name: string;
  start?(): Promise<void>;
  stop?(): Promise<void>;
}

/** What lifecycle needs of the process; given by tests. */
export interface ProcessHost {
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  print(text: string): void;
  exit(code: number): void;
  setExitCode(code: number): void;
  /** The IPC channel to the process that spawned us. */
  parentChannel(): "none" | "open" | "closed";
}

export interface RunOptions {
  readonly log?: Log;
  /** How long one part may take to stop. */
  readonly stopTimeoutMs?: number;
  /** Stop too when the process that spawned us (with an IPC channel) is gone. */
  readonly exitWithParent?: boolean;
  readonly host?: ProcessHost;
}

/** How long open handles may keep a stopped process alive before it ends anyway. */
const lingerMs = 1_000;

/**
 * Starts the parts in order, waits for SIGINT or SIGTERM, stops them in reverse. A second signal
 * ends the process at once. A failed start stops what was started, says why in words and sets
 * exit code 1.
 */
export async function runUntilSignal(services: readonly Service[], options: RunOptions = {}): Promise<void> {
  const host = options.host ?? processHost;
  const signal = listenForStop(host, options.exitWithParent ?? false);
  const started: Service[] = [];
  try {
    for (const service of services) {
      if (signal.received()) break;
      started.push(service);
      await service.start?.();
    }
    if (!signal.received()) options.log?.info("started", { parts: services.map((service) => service.name) });
    await signal.promise;
  } catch (error) {
    host.setExitCode(1);
    host.print(failureText(error));
  }
  await stopAll(started.toReversed(), options);
  options.log?.info("stopped");
  signal.close();
  // Something that still holds the event loop open (a socket of a hung peer) must not keep a
  // stopped process alive; unref, so that this timer itself does not either.
  setTimeout(() => host.exit(Number(process.exitCode ?? 0)), lingerMs).unref();
}

/** What a person reads when the process cannot go on: title, detail and hint, no stack trace. */
export function failureText(error: unknown): string {
  if (!(error instanceof SlipwayError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return `slipway: ${errorCatalogue.INTERNAL.title}: ${reason}\n`;
  }
  const lines = [`slipway: ${errorCatalogue[error.code].title} (${error.code})`];
  if (error.detail !== undefined) lines.push(indent(error.detail));
  if (error.hint !== undefined) lines.push(indent(error.hint));
  return `${lines.join("\n")}\n`;
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

async function stopAll(services: readonly Service[], options: RunOptions): Promise<void> {
  const timeoutMs = options.stopTimeoutMs ?? 10_000;
  for (const service of services) {
    try {
      if (service.stop !== undefined) await inTime(service.stop(), timeoutMs);
    } catch (error) {
      options.log?.warn("a part did not stop cleanly", { part: service.name, error });
    }
  }
}

async function inTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`did not stop within ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function listenForStop(host: ProcessHost, exitWithParent: boolean) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = false;
  const stop = (): void => {
    received = true;
    resolve();
  };
  const onSignal = (): void => {
    if (received) host.exit(130);
    stop();
  };
  const watchParent = exitWithParent && host.parentChannel() !== "none";
  host.on("SIGINT", onSignal);
  host.on("SIGTERM", onSignal);
  if (watchParent) host.on("disconnect", stop);
  if (watchParent && host.parentChannel() === "closed") stop();
  // Pending promises do not keep Node alive: a process whose parts hold no handle would end at once.
  const alive = setInterval(() => undefined, 60_000);
  const close = (): void => {
    clearInterval(alive);
    host.off("SIGINT", onSignal);
    host.off("SIGTERM", onSignal);
    host.off("disconnect", stop);
  };
  return { promise, received: () => received, close };
}

const processHost: ProcessHost = {
  on: (event, listener) => {
    process.on(event, listener);
  },
  off: (event, listener) => {
    process.off(event, listener);
  },
  print: (text) => {
    process.stderr.write(text);
  },
  exit: (code) => process.exit(code),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  parentChannel: () => {
    if (process.send === undefined) return "none";
    return process.connected ? "open" : "closed";
  },
};
