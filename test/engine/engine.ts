import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { spawnServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { findOnPath } from "#common/kit/redis-server.ts";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** A container engine that answers, and the images of this tree in it. */
export interface Engine {
  /** Which one, for people. */
  readonly is: string;
  /** Runs the engine's client and answers what it printed. */
  readonly docker: (args: readonly string[]) => Promise<string>;
  /** What a container wrote so far. */
  readonly logs: (container: string) => Promise<string>;
  /** The same for compose, in the project's folder. */
  readonly compose: (args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export const howToGetEngine =
  "apt-get install docker.io docker-compose debootstrap (as root), or start Docker.";

/** Built by this tree: the services, the demo with its sandbox, and Postgres and Redis from Debian. */
export const images = { slipway: "slipway:test", demo: "slipway-demo:test", stores: "slipway-stores:test" };

/** An engine that answers, else one started for us as root; undefined where there is none. */
export async function openEngine(): Promise<Engine | undefined> {
  const { env } = process;
  if (findOnPath("docker", env) === undefined) return undefined;
  const compose = await findCompose();
  if (compose === undefined) return undefined;
  if (await answers(env))
    return makeEngine({ env, compose, is: "Docker, running", stop: async () => undefined });
  if (findOnPath("dockerd", env) === undefined || process.getuid?.() !== 0) return undefined;
  return startOwn(compose);
}

type Compose = readonly [command: string, ...args: string[]];

async function findCompose(): Promise<Compose | undefined> {
  for (const compose of [["docker", "compose"], ["docker-compose"]] as const) {
    const [command, ...args] = compose;
    const found = await run(command, [...args, "version"]).catch(() => undefined);
    if (found !== undefined) return compose;
  }
  return undefined;
}

async function answers(env: NodeJS.ProcessEnv): Promise<boolean> {
  const info = run("docker", ["info", "--format", "{{.ServerVersion}}"], { env, timeout: 10_000 });
  // No daemon, or one that is not ours to ask: then it is started, or the tests are skipped in words.
  return info.then(
    ({ stdout }) => stdout.trim() !== "",
    () => false,
  );
}

async function startOwn(compose: Compose): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-engine-"));
  const host = `unix://${join(folder, "docker.sock")}`;
  const env = { ...process.env, DOCKER_HOST: host };
  const places = ["data-root", "exec-root", "pidfile"].flatMap((name) => [`--${name}`, join(folder, name)]);
  const server = await spawnServer({
    name: "dockerd",
    command: "dockerd",
    args: [...places, "-H", host],
    readyWhen: () => answers(env),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 60_000,
    log: silentLog,
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return makeEngine({ env, compose, is: "Docker, started for the tests", stop });
}

function makeEngine(o: {
  readonly env: NodeJS.ProcessEnv;
  readonly compose: Compose;
  readonly is: string;
  readonly stop: () => Promise<void>;
}): Engine {
  const { env, is, stop } = o;
  const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
  const [composeCommand, ...composeArgs] = o.compose;
  return {
    is,
    stop,
    // The classic builder, so that its syntax is what is proved.
    docker: async (args) =>
      (await run("docker", args, { ...options, env: { ...env, DOCKER_BUILDKIT: "0" } })).stdout,
    logs: async (container) => {
      const { stdout, stderr } = await run("docker", ["logs", container], { ...options, env });
      return stdout + stderr;
    },
    compose: async (args) =>
      (await run(composeCommand, [...composeArgs, ...args], { ...options, env })).stdout,
  };
}

/** Builds every image of the tests from this tree; SLIPWAY_BASE names another base that the engine has. */
export async function buildImages(engine: Engine): Promise<void> {
  const base = process.env["SLIPWAY_BASE"] ?? (await importBase(engine));
  const build = (tag: string, args: readonly string[]): Promise<string> =>
    engine.docker(["build", "--network", "host", "--build-arg", `BASE=${base}`, "-q", "-t", tag, ...args]);
  await build(images.slipway, ["-f", "services/Dockerfile", "."]);
  await build(images.demo, ["-f", "services/Dockerfile", "--target", "demo", "."]);
  await build(images.stores, ["-f", "test/engine/stores.Dockerfile", "test/engine"]);
}

/** Made once for a machine and kept in its cache: no image is pulled. */
async function importBase(engine: Engine): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "slipway-engine");
  const tar = join(cache, `base-${process.version}.tar`);
  if (!existsSync(tar)) {
    await mkdir(cache, { recursive: true });
    const script = join(import.meta.dirname, "base.sh");
    await run("sh", [script, tar, process.execPath, await findNpm()], { maxBuffer: 64 * 1024 * 1024 });
  }
  const path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const authorities = "ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt";
  await engine.docker(["import", "-c", path, "-c", authorities, tar, "slipway-base:test"]);
  return "slipway-base:test";
}

/** The folder of the npm that runs us, else of the one on the PATH. */
async function findNpm(): Promise<string> {
  const cli = process.env["npm_execpath"] ?? findOnPath("npm", process.env);
  if (cli === undefined) throw new Error("npm is not on the PATH");
  return dirname(dirname(await realpath(cli)));
}
