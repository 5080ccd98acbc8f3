import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { findPostgres } from "#common/kit/postgres-binaries.ts";
import { findOnPath } from "#common/kit/redis-server.ts";
import { findChromium } from "#support/chromium.ts";
import { dockerRegistryKind, findDocker } from "#support/docker-registry.ts";
import { findKubeAssets } from "#support/kube-box.ts";
import { skipsFile, systemsFile } from "#support/skips.ts";

/** A real system that tests of this run asked for. */
export interface AskedSystem {
  readonly name: string;
  /** Set when it was missing. */
  readonly howToGet?: string;
}

/** Forgets what earlier runs wrote down. */
export async function forgetSystems(): Promise<void> {
  await Promise.all([skipsFile, systemsFile].map((file) => rm(file, { force: true })));
}

/** What the run used and what it missed, each system once. */
export async function readSystems(): Promise<{
  used: readonly AskedSystem[];
  missing: readonly AskedSystem[];
}> {
  return { used: await readLines(systemsFile), missing: await readLines(skipsFile) };
}

async function readLines(file: string): Promise<AskedSystem[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    // Nothing was written down.
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line !== "");
  const systems = lines.map((line) => JSON.parse(line) as AskedSystem);
  return [...new Map(systems.map((system) => [system.name, system])).values()];
}

type Describe = (env: NodeJS.ProcessEnv) => Promise<string | undefined>;

/** How each system tells what it is; one that is not listed is named without. */
const descriptions: Readonly<Record<string, Describe>> = {
  "a Kubernetes control plane": async (env) => {
    const assets = findKubeAssets();
    if (assets === undefined) return undefined;
    const version = await say(join(assets, "kube-apiserver"), ["--version"]);
    const from = env["KUBEBUILDER_ASSETS"] === assets ? "KUBEBUILDER_ASSETS" : "test/kube-box/build";
    return `kube-apiserver ${numberIn(version)} with etcd and controllers, spawned (from ${from})`;
  },
  "docker-registry": async (env) => {
    const command = findOnPath("docker-registry", env);
    if (command === undefined) return `${dockerRegistryKind} (testcontainers)`;
    return `docker-registry ${numberIn(await say(command, ["--version"]))}, spawned`;
  },
  "redis-server": async (env) => {
    const command = findOnPath("redis-server", env) ?? "redis-server";
    return `redis-server ${numberIn(await say(command, ["--version"]))}, spawned`;
  },
  "PostgreSQL (system)": async (env) => describePostgres(env, "system"),
  "PostgreSQL (npm)": async (env) => describePostgres(env, "npm"),
  "PostgreSQL (any)": async (env) => describePostgres(env, undefined),
  Chromium: async (env) => {
    const command = findChromium(env);
    return command === undefined
      ? undefined
      : `Chromium ${numberIn(await say(command, ["--version"]))}, spawned`;
  },
  sshd: async () => {
    const text = await say("ssh", ["-V"]);
    return `sshd of ${/OpenSSH_[\w.]+/.exec(text)?.[0] ?? "OpenSSH"}, spawned`;
  },
};

/** A line per system that was used, with its version and where it came from. */
export async function describeUsed(used: readonly AskedSystem[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const git = `git ${numberIn(await say("git", ["--version"]))} with its http-backend, spawned`;
  const lines = await Promise.all(used.map(async ({ name }) => (await descriptions[name]?.(env)) ?? name));
  const docker = (await findDocker())
    ? "Docker: a daemon answers and holds the registry's image"
    : "Docker: no daemon with the registry's image; servers were spawned instead";
  return [...new Set([...lines.toSorted(), git]), docker];
}

async function describePostgres(env: NodeJS.ProcessEnv, kind: "system" | "npm" | undefined): Promise<string> {
  const found = findPostgres({ env, ...(kind === undefined ? {} : { kind }) });
  if (found === undefined) return "PostgreSQL";
  const from = found.kind === "npm" ? "from npm" : `of this system, ${dirname(found.postgres)}`;
  return `PostgreSQL ${found.version} (${from}), spawned`;
}

/** Everything a program prints about itself, whichever stream it chose. */
async function say(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 10_000 });
    return `${stdout}${stderr}`;
  } catch (error) {
    // It is only a name in a list: a program that will not tell its version is listed without.
    return error instanceof Error ? "" : String(error);
  }
}

function numberIn(text: string): string {
  return /v?\d+\.\d+(\.\d+)?[\w.+-]*/.exec(text)?.[0] ?? "(version unknown)";
}
