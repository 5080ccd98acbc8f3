import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

import { SlipwayError } from "#common/domain/errors.ts";

import type { Log } from "./log.ts";
import { pollUntil } from "./retry.ts";

export interface SpawnServerOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A line of its output that tells it is ready, or a question asked until it is answered with true. */
  readonly readyWhen: RegExp | (() => Promise<boolean>);
  readonly log: Log;
  /** The whole environment of the child; by default it inherits ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly readyTimeoutMs?: number;
  readonly stopSignal?: NodeJS.Signals;
  readonly stopTimeoutMs?: number;
  /** Gives a Node child a channel to us, by which it notices when we are gone, however we ended. */
  readonly ipc?: boolean;
  /** Told of every line of its output. */
  readonly onLine?: (line: string) => void;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server that runs as our own child. */
export interface ChildServer {
  readonly pid: number;
  /** Settles when it is gone, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  /** Sends its stop signal, kills it after the deadline, and waits until it is gone. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

const keptLines = 20;

/**
 * Starts a server and resolves when it is ready; rejects with its last lines when it ends before.
 * The child has a process group of its own (a Ctrl-C in the terminal is for us: it stops after its
 * users) and is killed when our process exits.
 */
export async function spawnServer(options: SpawnServerOptions): Promise<ChildServer> {
  const { name, command, args, env, cwd, uid, gid } = options;
  const child = spawn(command, args, {
    env,
    cwd,
    uid,
    gid,
    detached: true,
    stdio: options.ipc === true ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
  });
  const exited = exitOf(child);
  const output = readOutput(child, options);
  const killAtExit = (): void => killGroup(child, "SIGKILL");
  process.once("exit", killAtExit);
  void exited.then(() => process.off("exit", killAtExit));
  const server: ChildServer = {
    pid: child.pid ?? 0,
    exited,
    stop: () => stop(child, exited, options),
    kill: async () => {
      killGroup(child, "SIGKILL");
      await exited;
    },
  };
  try {
    await ready(options, output, exited);
  } catch (cause) {
    await server.kill();
    const detail = [`${name} did not start`, ...output.lastLines()].join("\n");
    throw new SlipwayError("PREREQUISITE_MISSING", { detail, cause });
  }
  options.log.debug("child is ready", { child: name, pid: server.pid });
  return server;
}

/** A TCP port on loopback that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address === "object" && address !== null) return address.port;
  throw new SlipwayError("INTERNAL", { detail: "the kernel gave no port" });
}

interface Output {
  readonly matched: Promise<void>;
  lastLines(): readonly string[];
}

function readOutput(child: ChildProcess, { readyWhen, log, name, onLine }: SpawnServerOptions): Output {
  const { promise, resolve } = Promise.withResolvers<void>();
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      last.push(line);
      if (last.length > keptLines) last.shift();
      log.debug("child says", { child: name, line });
      onLine?.(line);
      if (readyWhen instanceof RegExp && readyWhen.test(line)) resolve();
    });
  }
  return { matched: promise, lastLines: () => last };
}

async function ready(options: SpawnServerOptions, output: Output, exited: Promise<ChildExit>): Promise<void> {
  const { readyWhen, name, readyTimeoutMs: timeoutMs = 15_000 } = options;
  let matched = false;
  void output.matched.then(() => (matched = true));
  const over = new AbortController();
  const gone = exited.then(({ code, signal }) => {
    throw new Error(`${name} ended with ${signal ?? `code ${code}`}`);
  });
  const asked = readyWhen instanceof RegExp ? async () => matched : readyWhen;
  try {
    await Promise.race([
      pollUntil(asked, { everyMs: 10, timeoutMs, what: `${name} ready`, signal: over.signal }),
      gone,
    ]);
  } finally {
    over.abort();
    // Whichever lost the race is of no interest any more.
    gone.catch(() => undefined);
  }
}

function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    // A command that cannot be started has no exit.
    child.once("error", () => resolve({ code: 127, signal: null }));
  });
}

async function stop(
  child: ChildProcess,
  exited: Promise<ChildExit>,
  { stopSignal = "SIGTERM", stopTimeoutMs = 5_000, log, name }: SpawnServerOptions,
): Promise<void> {
  child.kill(stopSignal);
  const timer = setTimeout(() => {
    log.warn("a child did not stop and is killed", { child: name });
    killGroup(child, "SIGKILL");
  }, stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone between the look and the kill, which is what was wanted.
  }
}
