import { spawn } from "node:child_process";

export interface GitCommandOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

const usualFolders = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin";
const longestRunMs = 60_000;
const largestOutputBytes = 64 * 1024 * 1024;

/** The small environment every git process of the host runs in: no settings of the machine's user. */
export function hostEnvironment(): Record<string, string> {
  return {
    PATH: usualFolders,
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/** Runs git on the host's side and returns its output; a non-zero exit is an error with its words. */
export async function runGit(args: readonly string[], options: GitCommandOptions = {}): Promise<Buffer> {
  const child = spawn("git", args, {
    cwd: options.cwd,
    env: { ...hostEnvironment(), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: longestRunMs,
    killSignal: "SIGKILL",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let bytes = 0;
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > largestOutputBytes) child.kill("SIGKILL");
    else list.push(chunk);
  };
  child.stdout.on("data", keep(stdout));
  child.stderr.on("data", keep(stderr));
  // A child that ends before it read its input is judged by its exit code, not by the broken pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return Buffer.concat(stdout);
  throw new Error(
    `git ${args[0] ?? ""} ended with ${code ?? "a signal"}: ${Buffer.concat(stderr).toString()}`,
  );
}
