import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { findOnPath } from "#common/kit/redis-server.ts";
import { needs } from "./skips.ts";
import { realmCertificate, startTokenRealm } from "./token-realm.ts";
import type { TokenRealm } from "./token-realm.ts";

/** A real registry for one test file. */
export interface DockerRegistry {
  readonly url: string;
  readonly host: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** Origins its token realm answers at. */
  readonly realms: readonly string[];
  stop(): Promise<void>;
}

export type DockerRegistryAuth = "none" | "basic" | "token";

const command = findOnPath("docker-registry", process.env);
const image = "registry:2";
const readyWithinMs = 15_000;

// The only credential: a bcrypt line (htpasswd -B) cannot be made with what Node brings.
const credential = { username: "scanner", password: "not-a-secret" };
const htpasswdLine = "scanner:$2y$05$abcdefghijklmnopqrstuuVPNOToLP9MHdthRCXkVoiIF0qNKnk2G";

/** Whether there is a real registry to run, as a binary or as a local image; notes the skip when not. */
export async function hasDockerRegistry(): Promise<boolean> {
  const found = command !== undefined || (await findDocker());
  return needs("docker-registry", found, `apt-get install docker-registry, or docker pull ${image}`);
}

/** What the real registry of this machine is, for the test's name. */
export const dockerRegistryKind =
  command === undefined ? `${image} in a container` : "docker-registry, spawned";

/** Whether the registry can call us: out of a container it cannot. */
export const dockerRegistryCalls = command !== undefined;

/** Where the registry tells of pushes, with the header it sends. */
export interface Notified {
  readonly url: string;
  readonly authorization: string;
}

/** Starts a registry with an empty folder on a free port. */
export async function startDockerRegistry(
  auth: DockerRegistryAuth = "none",
  notified?: Notified,
): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-registry-"));
  const realm = auth === "token" ? await startTokenRealm(folder, credential) : undefined;
  await writeFile(join(folder, "htpasswd"), `${htpasswdLine}\n`, { mode: 0o600 });
  const server = await (command === undefined ? runContainer : spawnBinary)({
    folder,
    auth,
    realm,
    notified,
  });
  return {
    url: `http://${server.host}`,
    host: server.host,
    ...(auth !== "none" && { auth: credential }),
    realms: realm === undefined ? [] : [realm.url],
    async stop() {
      await server.stop();
      await realm?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a Docker daemon answers and already holds the registry's image. */
export async function findDocker(): Promise<boolean> {
  try {
    await promisify(execFile)("docker", ["image", "inspect", "--format", "{{.Id}}", image], {
      timeout: 5_000,
    });
    return true;
  } catch {
    return false; // no client, no daemon or no image: all the same to us
  }
}

interface Prepared {
  readonly folder: string;
  readonly auth: DockerRegistryAuth;
  readonly realm: TokenRealm | undefined;
  readonly notified: Notified | undefined;
}

interface Running {
  readonly host: string;
  stop(): Promise<void>;
}

async function spawnBinary(prepared: Prepared): Promise<Running> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(prepared.folder, "config.yml");
  await writeFile(config, registryConfig(prepared, { address: host, folder: prepared.folder }));
  const child = spawn(command ?? "", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  await waitUntilReady(child, `http://${host}`);
  return { host, stop: () => endChild(child) };
}

// Loaded here only: testcontainers takes longer to import than a spawned registry to start.
async function runContainer(prepared: Prepared): Promise<Running> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const inside = "/slipway";
  const content = registryConfig(prepared, { address: "0.0.0.0:5000", folder: inside });
  const container = await new GenericContainer(image)
    .withCopyContentToContainer([{ content, target: "/etc/docker/registry/config.yml" }])
    .withCopyDirectoriesToContainer([{ source: prepared.folder, target: inside }])
    .withExposedPorts(5000)
    .withWaitStrategy(Wait.forLogMessage(/listening on/))
    .start();
  const host = `${container.getHost()}:${container.getMappedPort(5000)}`;
  return { host, stop: async () => void (await container.stop()) };
}

function registryConfig(
  { auth, realm, notified }: Prepared,
  at: { readonly address: string; readonly folder: string },
): string {
  const htpasswd = { realm: "slipway-test", path: join(at.folder, "htpasswd") };
  const token = { ...realm?.settings, rootcertbundle: join(at.folder, realmCertificate) };
  // JSON is YAML, and needs no quoting of folders.
  return JSON.stringify({
    version: "0.1",
    // The container is ready when its log says so.
    log: { level: command === undefined ? "info" : "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(at.folder, "data") }, delete: { enabled: true } },
    http: { addr: at.address, secret: "only-for-tests" },
    ...(auth === "basic" && { auth: { htpasswd } }),
    ...(auth === "token" && { auth: { token } }),
    ...(notified !== undefined && { notifications: { endpoints: [endpointOf(notified)] } }),
  });
}

function endpointOf({ url, authorization }: Notified) {
  const headers = { Authorization: [authorization] };
  return { name: "slipway", url, headers, timeout: "1s", threshold: 5, backoff: "1s" };
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  let complaints = "";
  child.stderr?.on(
    "data",
    (chunk: Buffer) => (complaints = `${complaints}${chunk.toString()}`.slice(-2_000)),
  );
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline && child.exitCode === null) {
    if (await answers(url)) return;
    await delay(20);
  }
  await endChild(child);
  throw new Error(`docker-registry does not answer: ${complaints}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(1_000) });
    return answer.status === 200 || answer.status === 401;
  } catch {
    return false; // not listening yet
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL"); // it has no state worth a farewell
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
