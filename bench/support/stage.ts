import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "#common/kit/log.ts";
import { startInstallation, type Installation } from "../../tools/installation.ts";
import { createBenchApi, type BenchApi } from "./api.ts";
import type { BenchRun } from "./bench.ts";
import { createPeer, type Peer } from "./peer.ts";
import { sharedImage, type ShopSize } from "./shop.ts";
import { gitUser, peerRepository, repository, startBenchWorld, type BenchWorld } from "./world.ts";

/** Slipway with one worker at work on a shop, and the peer beside it. */
export interface Stage {
  readonly world: BenchWorld;
  readonly installation: Installation;
  readonly api: BenchApi;
  readonly peer: Peer;
  /** One file per service process, JSON lines. */
  readonly logs: string;
}

const quietMs = 2_000;

/** Starts everything, waits until cluster, repository and registry have been read once, and acts; ends it then. */
export async function onStage(
  run: BenchRun,
  size: ShopSize,
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  const stops: (() => Promise<void>)[] = [];
  try {
    await act(await openStage(run, { ...size, cleanUp: (stop) => void stops.push(stop) }));
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

interface StageOptions extends ShopSize {
  cleanUp(stop: () => Promise<void>): void;
}

async function openStage(run: BenchRun, options: StageOptions): Promise<Stage> {
  const { files } = options;
  const folder = join(run.folder, `shop-${files}`);
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const gitToken = randomBytes(18).toString("base64url");
  const world = await startBenchWorld({ ...options, folder, gitToken });
  run.signal.throwIfAborted();
  const installation = await startInstallation({
    folder,
    settingsFile: world.settingsFile,
    env: process.env,
    workers: 1,
    log: createLog({ service: "bench", level: "warn", pretty: true }),
    databaseUrl: process.env["DATABASE_URL"],
    redisUrl: process.env["REDIS_URL"],
    // Kept over restarts, so that it is synced to disk as in earnest.
    durable: true,
  });
  options.cleanUp(() => installation.stop());
  const { postgresIs, queueIs } = installation;
  run.note(`${files} files: ${postgresIs}, ${queueIs}, sandbox git host over HTTP, cluster and registry`);
  const api = createBenchApi({ url: installation.url, token: installation.token, signal: run.signal });
  await untilRead({ run, world, api });
  const url = world.git.repositoryUrl(peerRepository);
  const peer = createPeer({ folder, url, username: gitUser, token: gitToken, signal: run.signal });
  return { world, installation, api, peer, logs: join(folder, "logs") };
}

async function untilRead(o: { run: BenchRun; world: BenchWorld; api: BenchApi }): Promise<void> {
  const { world, api } = o;
  const whole = async () => {
    const { workloads, age } = await api.workloads();
    const declared = workloads.filter((workload) => workload.declared !== null);
    return (declared.length === world.services.length && age.clusterComplete) || undefined;
  };
  // Each look costs the API a pass over all workloads, while it should be reading them.
  const everyMs = Math.max(200, world.services.length / 4);
  await api.poll(whole, { everyMs, what: "the reading of cluster and repository" });
  const repositories = new Set(world.services.map((service) => service.image)).size;
  let seen = { total: 0, atMs: performance.now() };
  const scanned = async () => {
    const { total, tags } = world.registry.requests();
    if (total !== seen.total) seen = { total, atMs: performance.now() };
    return (tags >= repositories && performance.now() - seen.atMs > quietMs) || undefined;
  };
  await api.poll(scanned, { everyMs: 100, what: "the first scan of all images" });
  o.run.note(`read: ${world.services.length} workloads, ${repositories} image repositories`);
}

/** The services of a stage whose image nobody else runs. */
export function lonelyServices(world: BenchWorld) {
  return world.services.filter((service) => service.image !== sharedImage);
}

/** Pushes to our repository that the host has seen, landed or not. */
export function pushesTo({ world }: Pick<Stage, "world">): number {
  const path = new URL(`${world.git.repositoryUrl(repository)}/git-receive-pack`).pathname;
  return world.git.requests().filter((seen) => seen.method === "POST" && seen.path === path).length;
}
