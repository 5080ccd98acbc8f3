import { spawn } from "node:child_process";

import type { Clock } from "#common/kit/clock.ts";

import type { Io } from "../io.ts";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  /** Called with everything written to stderr so far, at each piece. */
  readonly onErr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the real program as a child process, its streams pipes. */
export async function runSlipway(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", ignoreClosedPipe).end(options.stdin ?? "");
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    options.onErr?.(err, (signal) => void child.kill(signal));
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, out, err };
}

/** A verb that needs no input may be gone before we have written it. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

export interface FakeIo extends Io {
  readonly outLines: readonly string[];
  readonly errLines: readonly string[];
  readonly questions: readonly string[];
  /** Everything the live view wrote. */
  readonly screen: () => string;
}

/** A person at a terminal, as far as the program can tell, or a pipe. */
export function createFakeIo(
  args: readonly string[],
  more: Partial<Io> & { answers?: string[]; pressed?: readonly string[]; stdin?: string | Uint8Array } = {},
): FakeIo {
  const outLines: string[] = [];
  const errLines: string[] = [];
  const questions: string[] = [];
  const answers = [...(more.answers ?? [])];
  let screen = "";
  return {
    args,
    env: {},
    cwd: "/",
    clock: createHastyClock(),
    interactive: false,
    live: false,
    outIsTerminal: false,
    outColour: false,
    errColour: false,
    out: (line) => void outLines.push(line),
    outRaw: (text) => void outLines.push(text),
    readIn: async () => Buffer.from(more.stdin ?? ""),
    err: (line) => void errLines.push(line),
    errRaw: (text) => {
      screen += text;
    },
    size: () => ({ columns: 120, rows: 40 }),
    ask: async (question) => {
      questions.push(question);
      return answers.shift();
    },
    askSecret: async (question) => {
      questions.push(question);
      return answers.shift();
    },
    keys: async (take) => {
      for (const key of more.pressed ?? []) if (take(toKey(key))) return;
      take({ name: "c", text: "", ctrl: true });
    },
    onInterrupt: () => () => {},
    newKey: () => "key-1",
    isAlive: () => false,
    userId: undefined,
    ...more,
    outLines,
    errLines,
    questions,
    screen: () => screen,
  };
}

/** "down" and "space" are keys of their own, anything of one character is itself. */
function toKey(key: string) {
  return { name: key, text: key.length === 1 ? key : "", ctrl: false };
}

/** Every sleep is over at once, and the time it would have taken has passed. */
export function createHastyClock(start = "2026-11-23T16:40:16.000Z"): Clock {
  let elapsedMs = 0;
  return {
    now: () => new Date(Date.parse(start) + elapsedMs),
    monotonicMs: () => elapsedMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      elapsedMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
