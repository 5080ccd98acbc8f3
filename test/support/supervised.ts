import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

/** A child process that does not outlive us. */
export interface Part {
  /** Of the program itself. */
  readonly pid: number;
  ended(): boolean;
  /** The end of what it printed. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface PartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const outputCharsAtMost = 20_000;

// A shell between us and the program tells its pid on 3, ends it when our end of stdin closes (so
// also when we are killed), and leaves no zombie whichever goes first.
const guard = `exec 4<&0
"$@" </dev/null 3>&- 4<&- & p=$!
echo $p >&3; exec 3>&-
(read _ <&4; kill -9 $p 2>/dev/null) & r=$!
wait $p; s=$?
kill $r 2>/dev/null; wait $r
exit $s`;

/** Starts a program that ends with us, however we end. */
export async function startPart(o: PartOptions): Promise<Part> {
  const child = spawn("sh", ["-c", guard, "sh", o.command, ...o.args], {
    // Ctrl-C in a terminal is ours to handle.
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
    ...(o.env === undefined ? {} : { env: o.env }),
  });
  const output = keepOutput(child);
  const pid = await readPid(child, o.command);
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: NodeJS.Signals): void => sendSignal(pid, name);
  const atExit = (): void => signal("SIGKILL");
  process.once("exit", atExit);
  child.once("exit", () => process.off("exit", atExit));
  return {
    pid,
    ended,
    output,
    signal,
    kill: async () => {
      if (ended()) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await gone;
    },
  };
}

function keepOutput(child: ChildProcess): () => string {
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-outputCharsAtMost);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  // Writing to a shell that is gone already is no news.
  child.stdin?.on("error", () => undefined);
  return () => output;
}

async function readPid(child: ChildProcess, command: string): Promise<number> {
  let text = "";
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) => reject(new Error(`sh cannot be started for ${command}`, { cause })));
  });
  const told = async (): Promise<number> => {
    for await (const chunk of child.stdio[3] as Readable) text += String(chunk);
    return Number(text);
  };
  const pid = await Promise.race([told(), failed]);
  if (!(pid > 0)) throw new Error(`${command} did not start`);
  return pid;
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It is gone already, which is what a signal to end wants.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
