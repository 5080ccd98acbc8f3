import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { freePort, spawnServer, type ChildServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createTestApi, type TestApi } from "#support/api.ts";
import { hasPostgres, runSql, startPostgres, type TestPostgres } from "#support/postgres.ts";

import { startDemoWorld, type DemoWorld } from "../../sandbox/demo/world.ts";

const root = join(import.meta.dirname, "../..");
const token = "serve-test-token-of-twenty-four";
const frontEnd = "sock-shop/front-end";
const noneHeld = `do $$ begin
  if exists (select from leases where owner is not null) then raise exception 'a lease is still held'; end if;
  if exists (select from workers) then raise exception 'a worker is still listed'; end if;
end $$`;

describe.runIf(hasPostgres())("slipway serve", () => {
  let folder: string;
  let postgres: TestPostgres;
  let world: DemoWorld;
  let served: ChildServer;
  let api: TestApi;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-serve-"));
    await chmod(folder, 0o711);
    [postgres, world] = await Promise.all([
      startPostgres(),
      startDemoWorld({ folder, gitToken: "git-token" }),
    ]);
    await addElsewhere(world.settingsFile);
    const [http, watcher, scanner, worker] = await Promise.all([1, 2, 3, 4].map(() => freePort()));
    env = {
      ...process.env,
      DATABASE_URL: await postgres.createDatabase(),
      SLIPWAY_CONFIG: world.settingsFile,
      SLIPWAY_ADMIN_TOKEN: token,
      SLIPWAY_HTTP_PORT: String(http),
      SLIPWAY_CACHE_FOLDER: join(folder, "git"),
      SLIPWAY_WATCHER_ADDRESS: `127.0.0.1:${watcher}`,
      SLIPWAY_SCANNER_ADDRESS: `127.0.0.1:${scanner}`,
      SLIPWAY_WORKER_ADDRESSES: `127.0.0.1:${worker}`,
    };
    served = await start("serve", ["cli/main.ts", "serve"], { SLIPWAY_ENVIRONMENTS: "default" });
    api = createTestApi({ url: `http://127.0.0.1:${http}`, token });
  });
  afterAll(async () => {
    await served?.stop();
    await world?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const start = (name: string, [file = "", ...args]: readonly string[], more: NodeJS.ProcessEnv) =>
    spawnServer({
      name,
      command: process.execPath,
      args: [join(root, file), ...args],
      env: { ...env, ...more },
      readyWhen: /"text":"started"/,
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 30_000,
      log: silentLog,
    });

  test("one process lists, releases and watches until healthy", async () => {
    const ready = async (): Promise<boolean> => {
      const { workloads } = await api.workloads("?environment=default&namespace=sock-shop");
      return workloads.filter((one) => one.declared !== null && one.release.state === "ready").length >= 13;
    };
    await pollUntil(ready, { everyMs: 200, timeoutMs: 60_000, what: "thirteen services that are ready" });
    const job = await api.release({ environment: "default", workloads: [frontEnd], images: "latest" });
    expect(await api.waitForJob(job.id)).toMatchObject({ phase: "succeeded", error: null });
    expect((await world.git.log("sock-shop", "main")).length).toBe(2);
  });

  test("a process that SLIPWAY_ENVIRONMENTS binds leaves the jobs of others to who acts there", async () => {
    const job = await api.release({
      environment: "elsewhere",
      workloads: [frontEnd],
      images: { exact: ["weaveworksdemos/front-end:0.2.0"] },
    });
    // A release of its own is done meanwhile: it had its turn at the other one too.
    const own = await api.release({
      environment: "default",
      workloads: ["sock-shop/cart"],
      images: "latest",
    });
    expect(await api.waitForJob(own.id)).toMatchObject({ finishedAt: expect.any(String) });
    expect(await api.job(job.id)).toMatchObject({ phase: "queued" });
    const worker = await start("worker", ["services/release-worker/main.ts"], {
      SLIPWAY_ENVIRONMENTS: "elsewhere",
      SLIPWAY_GRPC_PORT: String(await freePort()),
      SLIPWAY_CACHE_FOLDER: join(folder, "git-elsewhere"),
    });
    try {
      expect(await api.waitForJob(job.id)).toMatchObject({ outcome: "nothing-to-do" });
    } finally {
      await worker.stop();
    }
  });

  test("SIGTERM ends it in order with exit code 0, and hands back every lease", async () => {
    await served.stop();
    expect(await served.exited).toEqual({ code: 0, signal: null });
    // What it held is free at once: nobody has to wait until it counts as dead.
    await runSql(env["DATABASE_URL"] ?? "", noneHeld);
  });

  test("names that the settings do not have keep it from starting, in words", async () => {
    const started = start("serve", ["cli/main.ts", "serve"], { SLIPWAY_ENVIRONMENTS: "default,nowhere" });
    await expect(started).rejects.toMatchObject({ detail: expect.stringContaining('"nowhere"') });
  });

  /** A second environment on the same cluster, with a repository of its own that declares what runs. */
  async function addElsewhere(settingsFile: string): Promise<void> {
    const file = await world.git.readFile("sock-shop", "main", "deploy/front-end.yaml");
    const first = { branch: "main", message: "As it runs" };
    const url = await world.git.createRepository("elsewhere", { "deploy/front-end.yaml": file }, first);
    const text = await readFile(settingsFile, "utf8");
    const [, block = ""] = /environments:\n([\s\S]*?)registries:/.exec(text) ?? [];
    const other = block.replace("name: default", "name: elsewhere").replace(/url: .*/, `url: ${url}`);
    await writeFile(settingsFile, text.replace("registries:", `${other}registries:`));
  }
});
