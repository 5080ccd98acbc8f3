import type { Interface } from "node:readline/promises";
import { Writable } from "node:stream";
import { isatty } from "node:tty";

import { systemClock } from "#common/kit/clock.ts";
import type { Clock } from "#common/kit/clock.ts";

import type { Key } from "./picker/state.ts";
import type { ToYaml } from "./print/data.ts";

/** Everything the command line knows of its process; results go to `out`, progress and talk to `err`. */
export interface Io {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** A person sits at both ends: questions may be asked. */
  readonly interactive: boolean;
  /** The progress stream is a terminal whose lines can be rewritten. */
  readonly live: boolean;
  readonly outIsTerminal: boolean;
  readonly outColour: boolean;
  readonly errColour: boolean;
  /** Writes one line to the result. */
  out(line: string): void;
  /** Writes text to the result as it is, its line breaks included. */
  outRaw(text: string): void;
  /** All of stdin; undefined when there is more than `limitBytes`. */
  readIn(limitBytes: number): Promise<Buffer | undefined>;
  /** Writes one line of progress or talk. */
  err(line: string): void;
  /** Writes to the progress stream as it is: cursor movements of the live view. */
  errRaw(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
  /** Asks on the progress stream; undefined when the person leaves instead of answering. */
  ask(question: string): Promise<string | undefined>;
  /** As `ask`, for what must not be seen: nothing of the answer is shown. */
  askSecret(question: string): Promise<string | undefined>;
  /** Hands over each key that is pressed, unseen, until `take` says that it was the last. */
  keys(take: (key: Key) => boolean): Promise<void>;
  /** Calls `act` at the first Ctrl-C (the second ends the process); undone by the answer. */
  onInterrupt(act: () => void): () => void;
  newKey(): string;
  /** There when the command line asks for YAML; it is not loaded otherwise. */
  readonly toYaml?: ToYaml;
  isAlive(pid: number): boolean;
  readonly userId: number | undefined;
}

/** The real process as `Io`; main.ts is the one caller. */
export function createProcessIo(process: NodeJS.Process, env: Io["env"]): Io {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on("error", leaveOnBrokenPipe(process));
  const dumb = env["TERM"] === "dumb";
  const colour = (stream: NodeJS.WriteStream) => wantsColour(env, stream.isTTY);
  return {
    args: process.argv.slice(2),
    env,
    cwd: process.cwd(),
    clock: systemClock,
    // Opening stdin takes a few milliseconds; most verbs never read it.
    interactive: isatty(0) && stderr.isTTY,
    live: stderr.isTTY && !dumb,
    outIsTerminal: stdout.isTTY,
    outColour: colour(stdout),
    errColour: colour(stderr),
    out: (line) => void stdout.write(`${line}\n`),
    outRaw: (text) => void stdout.write(text),
    readIn: (limitBytes) => readAll(process.stdin, limitBytes),
    err: (line) => void stderr.write(`${line}\n`),
    errRaw: (text) => void stderr.write(text),
    size: () => ({ columns: stderr.columns || 80, rows: stderr.rows || 24 }),
    ask: (question) => askOnce(process, question),
    askSecret: (question) => askUnseen(process, question),
    keys: (take) => readKeys(process.stdin, take),
    onInterrupt: (act) => {
      process.once("SIGINT", act);
      return () => void process.off("SIGINT", act);
    },
    newKey: () => crypto.randomUUID(),
    isAlive: (pid) => isAlive(process, pid),
    userId: process.getuid?.(),
  };
}

/** FORCE_COLOR before NO_COLOR before TERM before whether a terminal shows it. */
export function wantsColour(env: Io["env"], isTerminal: boolean): boolean {
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return isTerminal && env["TERM"] !== "dumb";
}

/** `slipway … | head` closes our pipe: that is the reader's right, not a fault. */
function leaveOnBrokenPipe(process: NodeJS.Process): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  };
}

async function readAll(stdin: NodeJS.ReadStream, limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function askOnce(process: NodeJS.Process, question: string): Promise<string | undefined> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await answerOf(lines, question);
  } finally {
    lines.close();
  }
}

async function answerOf(lines: Interface, question: string): Promise<string | undefined> {
  const leaving = new AbortController();
  lines.once("SIGINT", () => leaving.abort());
  lines.once("close", () => leaving.abort());
  try {
    return await lines.question(question, { signal: leaving.signal });
  } catch (error) {
    if (leaving.signal.aborted) return undefined;
    throw error;
  }
}

/** Readline in raw mode, its output thrown away: the terminal shows the question and no answer. */
async function askUnseen(process: NodeJS.Process, question: string): Promise<string | undefined> {
  const { createInterface } = await import("node:readline/promises");
  process.stderr.write(question);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return await answerOf(lines, "");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

interface PressedKey {
  readonly name?: string;
  readonly ctrl?: boolean;
}

/** The terminal is raw only while keys are read; when it goes away, that is an escape. */
async function readKeys(stdin: NodeJS.ReadStream, take: (key: Key) => boolean): Promise<void> {
  const { emitKeypressEvents } = await import("node:readline");
  emitKeypressEvents(stdin);
  stdin.setRawMode(true).resume();
  let leave = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const onKey = (text: string | undefined, { name = "", ctrl = false }: PressedKey) => {
        try {
          if (take({ name, text: text ?? "", ctrl })) resolve();
        } catch (error) {
          reject(error);
        }
      };
      const onEnd = () => onKey("", { name: "c", ctrl: true });
      stdin.on("keypress", onKey).once("end", onEnd);
      leave = () => void stdin.off("keypress", onKey).off("end", onEnd);
    });
  } finally {
    leave();
    stdin.setRawMode(false).pause();
  }
}

function isAlive(process: NodeJS.Process, pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
