import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import type { SandboxCluster } from "#sandbox/cluster/cluster.ts";

import { startRig, waitMs, watchOf, type Rig } from "./testing/watch-rig.ts";
import { watchEnvironment } from "./watch-environment.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
}, 60_000);

afterAll(async () => {
  await rig.stop();
});

describe("a token in a file", () => {
  test("that ran out makes the view old, and a new one in its place makes it fresh", async () => {
    const folder = await folderOf();
    const [config, file] = [join(folder, "kubeconfig"), join(folder, "token")];
    await writeFile(file, await tokenFor(1));
    await writeFile(config, rig.cluster.kubeconfigYaml.replace(/token: .*/, "tokenFile: token"));
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 20), signal);
    const watch = watchOf(config, { ...systemClock, sleep });
    await watch.start?.();
    const until = (what: string, holds: () => boolean) =>
      pollUntil(holds, { everyMs: 10, timeoutMs: waitMs, what });
    await until("the refusal", () => watch.view().problem.includes("401"));
    await writeFile(file, await tokenFor(600));
    await until("a fresh view", () => watch.view().problem === "" && watch.view().ageMs < 1_000n);
    expect(watch.view().complete).toBe(true);
    await watch.stop?.();
  });
});

describe("a cluster that cannot be connected to", () => {
  test("makes a view that is as old as can be and says why, not a process that fails", async () => {
    const watch = watchOf(join(tmpdir(), "no-such-kubeconfig"));
    expect(watch.view()).toMatchObject({ complete: false, problem: "not connected yet" });
    await watch.start?.();
    const ask = () => watch.view().problem !== "not connected yet";
    await pollUntil(ask, { everyMs: 10, timeoutMs: waitMs, what: "the reason" });
    expect(watch.view()).toMatchObject({
      ageMs: BigInt(Number.MAX_SAFE_INTEGER),
      complete: false,
      problem: expect.stringContaining("no-such-kubeconfig"),
    });
    expect(watch.all()).toEqual([]);
    await watch.stop?.();
  });
  test("is tried again until it is there", async () => {
    let tries = 0;
    const { watch } = rig;
    const second = watchEnvironment({
      environment: environmentSettings.parse({
        name: "second",
        cluster: { inCluster: true },
        git: { url: "https://git.example.com/config.git" },
      }),
      connect: async () => {
        tries += 1;
        if (tries === 1) throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: "not yet" });
        return createKubeApi({ kubeconfig: await kubeconfigOf(rig.cluster) });
      },
      clock: { ...systemClock, sleep: (_, signal) => systemClock.sleep(5, signal) },
      log: silentLog,
    });
    await second.start?.();
    await pollUntil(() => second.view().complete, {
      everyMs: 10,
      timeoutMs: waitMs,
      what: "the second view",
    });
    expect(second.all().map((one) => one.name)).toEqual(watch.all().map((one) => one.name));
    await second.stop?.();
  });
});

const folders: string[] = [];

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cluster-watcher-"));
  folders.push(folder);
  return folder;
}

async function kubeconfigOf(cluster: SandboxCluster): Promise<string> {
  const path = join(await folderOf(), "kubeconfig");
  await writeFile(path, cluster.kubeconfigYaml, { mode: 0o600 });
  return path;
}

/** A service account's token that runs out. */
async function tokenFor(expirationSeconds: number): Promise<string> {
  const path = "/api/v1/namespaces/shop/serviceaccounts";
  const ask = (under: string, body: unknown) =>
    fetch(`${rig.cluster.url}${path}${under}`, {
      method: "POST",
      headers: { authorization: `Bearer ${rig.cluster.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  // There already from the second time on.
  await ask("", { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "watcher" } });
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds },
  };
  const { status } = (await (await ask("/watcher/token", request)).json()) as { status: { token: string } };
  return status.token;
}
