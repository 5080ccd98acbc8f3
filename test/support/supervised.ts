import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/** A child process that does not outlive us. */
export interface Part {
  readonly pid: number;
  ended(): boolean;
  /** The end of what it printed. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

const outputCharsAtMost = 20_000;

// The shell between us ends the program when our end of its stdin closes, so also when we are killed.
const guard = 'exec 3<&0; "$@" </dev/null 3<&- & p=$!; (read _ <&3; kill -9 $p 2>/dev/null) & wait $p';

/** Starts a program in a process group of its own, ended with us however we end. */
export function startPart(o: {
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}): Part {
  const child = spawn("sh", ["-c", guard, "sh", o.command, ...o.args], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
    ...(o.env === undefined ? {} : { env: o.env }),
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`sh cannot be started for ${o.command}`);
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-outputCharsAtMost);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: NodeJS.Signals): void => signalGroup(pid, name);
  const atExit = (): void => signal("SIGKILL");
  process.once("exit", atExit);
  return {
    pid,
    ended,
    output: () => output,
    signal,
    kill: async () => {
      process.off("exit", atExit);
      signal("SIGKILL");
      await untilGone(child, ended);
    },
  };
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    // The group is gone already, which is what a signal to end wants.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function untilGone(child: ChildProcess, ended: () => boolean): Promise<void> {
  if (!ended()) await new Promise((resolve) => child.once("exit", resolve));
}
