import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";

import { SlipwayError } from "#common/domain/errors.ts";

export interface DetachedRun {
  /** git, unless a test says otherwise. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly input?: string | Buffer;
  /** Takes the output as it comes; without it the first 4 MiB are kept. */
  readonly onStdout?: (chunk: Buffer) => void;
}

export interface DetachedEnd {
  /** Undefined when it was killed. */
  readonly exitCode: number | undefined;
  /** Why we ended it, if we did. */
  readonly stopped: "aborted" | "deadline" | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const largestKeptBytes = 4 * 1024 * 1024;
const largestStderrBytes = 64 * 1024;

/**
 * Runs git in a process group of its own and ends the whole group at the deadline or on abort.
 * git fetch and push have children (`remote-http`, `send-pack`) that outlive a signal to their parent and would
 * finish the push alone.
 */
export async function runDetached(run: DetachedRun): Promise<DetachedEnd> {
  if (run.signal?.aborted === true) {
    return { exitCode: undefined, stopped: "aborted", stdout: "", stderr: "" };
  }
  const child = spawn(run.command ?? "git", run.args, {
    cwd: run.cwd,
    env: run.env,
    detached: true,
    stdio: "pipe",
  });
  const stdout = keepFirst(largestKeptBytes);
  const stderr = keepFirst(largestStderrBytes);
  child.stdout.on("data", run.onStdout ?? stdout.take);
  child.stderr.on("data", stderr.take);
  // A child that ends before it read its input is judged by its exit code, not by the broken pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(run.input ?? "");
  let stopped: DetachedEnd["stopped"];
  const stop = (why: "aborted" | "deadline") => {
    stopped ??= why;
    killGroup(child);
  };
  const onAbort = () => stop("aborted");
  const deadline = setTimeout(() => stop("deadline"), run.timeoutMs);
  run.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const code = await ended(child, run.cwd);
    return { exitCode: code ?? undefined, stopped, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    clearTimeout(deadline);
    run.signal?.removeEventListener("abort", onAbort);
  }
}

function ended(child: ChildProcess, cwd: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(notStarted(cwd, cause)));
    child.once("close", resolve);
  });
}

/** A missing folder and a missing git give the same ENOENT. */
export function notStarted(cwd: string, cause: unknown): SlipwayError {
  return existsSync(cwd)
    ? new SlipwayError("PREREQUISITE_MISSING", { detail: "git could not be started", cause })
    : new SlipwayError("GIT_CACHE_BROKEN", { detail: "its folder is gone", cause });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (cause) {
    // The group is gone already: it ended between the decision and the signal.
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

function keepFirst(limitBytes: number): { take: (chunk: Buffer) => void; text: () => string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    take(chunk) {
      if (bytes >= limitBytes) return;
      chunks.push(chunk.subarray(0, limitBytes - bytes));
      bytes += chunk.length;
    },
    text: () => Buffer.concat(chunks).toString(),
  };
}
