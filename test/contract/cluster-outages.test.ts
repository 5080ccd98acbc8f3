import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createInformer } from "#common/kit/kube-informer.ts";
import type { Informer } from "#common/kit/kube-informer.ts";
import { createReadyzProbe } from "#common/kit/kube-probe.ts";
import type { ReadyzProbe } from "#common/kit/kube-probe.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { silentLog } from "#common/kit/log.ts";
import { environmentSettings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import { findKubeAssets, howToGetKubeBox, startKubeBox } from "#support/kube-box.ts";
import type { KubeBox } from "#support/kube-box.ts";
import { needs } from "#support/skips.ts";

import { watchEnvironment, type EnvironmentWatch } from "../../services/cluster-watcher/watch-environment.ts";
import { aCronJob } from "./cluster-lab.ts";

const available = needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox);
const wait = { everyMs: 20, timeoutMs: 60_000 };

function watchOf(kubeconfig: string): EnvironmentWatch {
  const environment = environmentSettings.parse({
    name: "default",
    cluster: { kubeconfig },
    git: { url: "https://git.example.com/config.git" },
  });
  const connect = () => createKubeApi(environment.cluster);
  return watchEnvironment({ environment, connect, clock: systemClock, log: silentLog });
}

describe.skipIf(!available)("an informer with its probe, and the watcher", () => {
  let box: KubeBox;
  let api: KubeApi;
  let informer: Informer<string>;
  let probe: ReadyzProbe;
  let recovered = 0;
  let watch: EnvironmentWatch;

  beforeAll(async () => {
    box = await startKubeBox();
    api = await createKubeApi({ kubeconfig: box.kubeconfig });
    const path = "/api/v1/namespaces/default/configmaps";
    informer = createInformer({ api, path, project: ({ metadata }) => metadata.name ?? "" });
    probe = createReadyzProbe({ api, everyMs: 100, timeoutMs: 500 });
    probe.onRecovered(() => {
      recovered += 1;
      informer.reconnect();
    });
    informer.start();
    probe.start();
    watch = watchOf(box.kubeconfig);
    await watch.start?.();
    await informer.synced;
    await untilWhole();
  });

  afterAll(async () => {
    await watch?.stop?.();
    await probe?.stop();
    await informer?.stop();
    await api?.close();
    await box?.stop();
  });

  const untilWhole = () => {
    const isWhole = (): boolean => {
      const { complete, problem, ageMs } = watch.view();
      return complete && problem === "" && ageMs < 5_000n;
    };
    return pollUntil(isWhole, { ...wait, what: "a fresh and whole view" });
  };
  /** The watcher is fresh again: nothing it knew is lost, and what happens now is told. */
  const cronJob = async (name: string): Promise<void> => {
    const before = watch.all().length;
    await untilWhole();
    expect(watch.all()).toHaveLength(before);
    const body = aCronJob({ namespace: "default", name }, "test/ready:1");
    const created = await api.request({
      method: "POST",
      path: "/apis/batch/v1/namespaces/default/cronjobs",
      body,
    });
    expect(created.status).toBe(201);
    const id = `default:cronjob/${name}`;
    await pollUntil(() => watch.get(id) !== undefined, { ...wait, what: `${name} told` });
  };
  const change = async (name: string): Promise<void> => {
    const before = informer.items().size;
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
    const path = "/api/v1/namespaces/default/configmaps";
    const created = await api.request({ method: "POST", path, body });
    expect(created.status).toBe(201);
    await pollUntil(() => informer.items().has(`default/${name}`), { ...wait, what: `${name} seen` });
    expect(informer.items().size).toBe(before + 1);
    await cronJob(name);
  };
  const untilFailing = () =>
    pollUntil(() => probe.lastError() !== undefined, { ...wait, what: "a failed probe" });
  const untilRecovered = (from: number) => pollUntil(() => recovered > from, { ...wait, what: "recovery" });

  test("is fresh again after the API server hung", async () => {
    const from = recovered;
    box.signal("kube-apiserver", "SIGSTOP");
    await untilFailing();
    box.signal("kube-apiserver", "SIGCONT");
    await untilRecovered(from);
    await change("after-hanging");
  });

  test("notices an API server that drains though the watch stays open, and is fresh with the next one", async () => {
    const from = recovered;
    box.signal("kube-apiserver", "SIGTERM");
    await untilFailing();
    await box.revive("kube-apiserver");
    await untilRecovered(from);
    await change("after-draining");
  });

  test("is fresh again after the API server was killed", async () => {
    const from = recovered;
    box.signal("kube-apiserver", "SIGKILL");
    await untilFailing();
    await box.revive("kube-apiserver");
    await untilRecovered(from);
    await change("after-killing");
  });
});
