import { execFile } from "node:child_process";
import { cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { freePort, spawnServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { startPostgres } from "#support/postgres.ts";

import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";

const root = join(import.meta.dirname, "..");
const services = ["api", "cluster-watcher", "registry-scanner", "release-worker"] as const;
const rounds = 10;
const size = "image.size";
const rowOf = (service: string): string => `start.${service}`;

/** From the start of each service's process to its /readyz, and what the image holds of ours. */
export const startBench: Bench = {
  name: "start",
  rows: [...services.map(rowOf), size],
  async run(run) {
    if (run.wants(size)) await measureSize(run);
    const asked = services.filter((service) => run.wants(rowOf(service)));
    if (asked.length === 0) return;
    const postgres = await startPostgres();
    try {
      const databaseUrl = await postgres.createDatabase();
      const settingsFile = join(run.folder, "slipway.yaml");
      const kubeconfig = join(run.folder, "kubeconfig");
      await writeFile(kubeconfig, await kubeconfigOfNobody());
      const git = { url: "https://127.0.0.1:1/shop.git" };
      const environments = [{ name: "default", cluster: { kubeconfig }, git }];
      await writeFile(settingsFile, JSON.stringify({ environments }));
      for (const service of asked) await measureStart(run, { service, databaseUrl, settingsFile });
    } finally {
      await postgres.stop();
    }
  },
};

interface Started {
  readonly service: string;
  readonly databaseUrl: string;
  readonly settingsFile: string;
}

async function measureStart(run: BenchRun, started: Started): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    run.signal.throwIfAborted();
    const [one, other] = [await secondsToReady(run, started), await secondsOfNode()];
    // The first one migrates the database.
    if (round < 0) continue;
    ours.push(one);
    theirs.push(other);
  }
  const [value, p99, baseline] = [quantile(ours, 0.5), quantile(ours, 0.99), quantile(theirs, 0.5)];
  const baselineIs = "node -e 0: an empty program, in turn with ours";
  const name = rowOf(started.service);
  run.tell(toRow({ name, value, unit: "s", p99, baseline, budget: "2 s", baselineIs }));
}

async function secondsToReady(
  run: BenchRun,
  { service, databaseUrl, settingsFile }: Started,
): Promise<number> {
  const [ops, grpc, http] = await Promise.all([freePort(), freePort(), freePort()]);
  const ready = async (): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${ops}/readyz`).catch(() => undefined);
    return answer?.ok === true;
  };
  const began = performance.now();
  const child = await spawnServer({
    name: service,
    command: process.execPath,
    args: [join(root, "services", service, "main.ts")],
    env: {
      PATH: process.env["PATH"],
      HOME: run.folder,
      DATABASE_URL: databaseUrl,
      SLIPWAY_CONFIG: settingsFile,
      SLIPWAY_CACHE_FOLDER: join(run.folder, "git"),
      SLIPWAY_OPS_PORT: String(ops),
      SLIPWAY_GRPC_PORT: String(grpc),
      SLIPWAY_HTTP_PORT: String(http),
    },
    readyWhen: async () => {
      await pollUntil(ready, { everyMs: 10, timeoutMs: 60_000, what: `/readyz of ${service}` });
      return true;
    },
    readyTimeoutMs: 60_000,
    log: silentLog,
  });
  const seconds = (performance.now() - began) / 1000;
  await child.stop();
  return seconds;
}

async function secondsOfNode(): Promise<number> {
  const began = performance.now();
  await promisify(execFile)(process.execPath, ["-e", "0"]);
  return (performance.now() - began) / 1000;
}

/** What services/image/gather.sh takes from this machine, without an engine: as `docker image ls` counts. */
async function measureSize(run: BenchRun): Promise<void> {
  const place = join(run.folder, "modules");
  await mkdir(join(place, "tools"), { recursive: true });
  for (const file of ["package.json", "package-lock.json", ".npmrc", "tools/link-node.mjs"]) {
    await cp(join(root, file), join(place, file));
  }
  const npm = process.env["npm_execpath"];
  const [command, ...args] = npm === undefined ? ["npm"] : [process.execPath, npm];
  run.note("npm ci --omit=dev --omit=optional, as the image has it");
  await promisify(execFile)(command ?? "npm", [...args, "ci", "--omit=dev", "--omit=optional"], {
    cwd: place,
  });
  const modules = join(place, "node_modules");
  const all = await bytesBelow(modules);
  const image = join(run.folder, "image");
  await promisify(execFile)("sh", [join(root, "services/image/gather.sh"), image, modules]);
  for (const folder of ["cli", "libs", "services", "proto/gen"]) {
    await cp(join(root, folder), join(image, "app", folder), { recursive: true });
  }
  const mebibyte = 1024 * 1024;
  const value = (await bytesBelow(image)) / mebibyte;
  const baseline = value + (all - (await bytesBelow(join(image, "app/node_modules")))) / mebibyte;
  const baselineIs = "the same with what only readers of the modules need";
  run.tell(toRow({ name: size, value, unit: "MiB", baseline, budget: "238 MiB (250 MB)", baselineIs }));
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await bytesBelow(path);
    else if (entry.isFile()) bytes += (await stat(path)).size;
  }
  return bytes;
}

async function kubeconfigOfNobody(): Promise<string> {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "none", cluster: { server: `http://127.0.0.1:${await freePort()}` } }],
    users: [{ name: "none", user: { token: "none" } }],
    contexts: [{ name: "none", context: { cluster: "none", user: "none" } }],
    "current-context": "none",
  });
}
