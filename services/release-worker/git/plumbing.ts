import { GitError, simpleGit } from "simple-git";
import type { SimpleGit } from "simple-git";

import { SlipwayError } from "#common/domain/errors.ts";

import { notStarted } from "./process.ts";

export interface PlumbingRun {
  readonly input?: Buffer;
  readonly signal?: AbortSignal | undefined;
}

export interface PlumbingEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Local git commands through simple-git: none of them touches the network. */
export interface Plumbing {
  run(args: readonly string[], run?: PlumbingRun): Promise<PlumbingEnd>;
}

export interface PlumbingOptions {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly onProcess: () => void;
}

const largestOutputBytes = 64 * 1024 * 1024;

/** Opens the door to git for everything that works on the cache alone. */
export function createPlumbing(options: PlumbingOptions): Plumbing {
  return { run: (args, run = {}) => runOnce(options, args, run) };
}

async function runOnce(
  options: PlumbingOptions,
  args: readonly string[],
  { input, signal }: PlumbingRun,
): Promise<PlumbingEnd> {
  const tooMuch = new AbortController();
  const signals = [AbortSignal.timeout(options.timeoutMs), tooMuch.signal, ...(signal ? [signal] : [])];
  const end = { exitCode: 0, stderr: "" };
  options.onProcess();
  try {
    const git = openGit(options, { input, abort: AbortSignal.any(signals), end });
    const stdout = await git.outputHandler((_name, output) => limitOutput(output, tooMuch)).raw([...args]);
    return { ...end, stdout };
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    if (tooMuch.signal.aborted) {
      throw new SlipwayError("INTERNAL", { detail: "git answered more than 64 MiB", cause });
    }
    const text = cause instanceof Error ? cause.message : String(cause);
    if (/ENOENT|directory that does not exist/.test(text)) throw notStarted(options.folder, cause);
    throw new SlipwayError("GIT_CACHE_BROKEN", { detail: text, cause });
  }
}

interface OneRun {
  readonly input: Buffer | undefined;
  readonly abort: AbortSignal;
  readonly end: { exitCode: number; stderr: string };
}

function openGit({ folder, env }: PlumbingOptions, { input, abort, end }: OneRun): SimpleGit {
  return simpleGit({
    baseDir: folder,
    abort,
    trimmed: false,
    // Waiting for "exit" as well would cut long outputs off.
    completion: { onClose: true, onExit: false },
    allowEnvironment: Object.keys(env).filter((key) => key.startsWith("GIT_")),
    unsafe: { allowUnsafeConfigPaths: true, allowUnsafeTemplateDir: true },
    ...(input === undefined ? {} : { input: () => input }),
    // simple-git gives no exit code and takes a failure without words for success: so nothing is an error here,
    // and every caller looks at the exit code.
    errors(error, result) {
      end.exitCode = result.exitCode;
      end.stderr = Buffer.concat(result.stdErr).toString();
      return error instanceof GitError && result.exitCode > 0 && !abort.aborted ? undefined : error;
    },
  }).env({ ...env });
}

function limitOutput(stdout: NodeJS.ReadableStream, tooMuch: AbortController): void {
  let bytes = 0;
  stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > largestOutputBytes) tooMuch.abort();
  });
}
