import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createInformer } from "#common/kit/kube-informer.ts";
import type { Informer } from "#common/kit/kube-informer.ts";
import { createReadyzProbe } from "#common/kit/kube-probe.ts";
import type { ReadyzProbe } from "#common/kit/kube-probe.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { findKubeAssets, howToGetKubeBox, startKubeBox } from "#support/kube-box.ts";
import type { KubeBox } from "#support/kube-box.ts";
import { needs } from "#support/skips.ts";

const available = needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox);
const wait = { everyMs: 20, timeoutMs: 60_000 };

describe.skipIf(!available)("an informer with its probe", () => {
  let box: KubeBox;
  let api: KubeApi;
  let informer: Informer<string>;
  let probe: ReadyzProbe;
  let recovered = 0;

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
    await informer.synced;
  });

  afterAll(async () => {
    await probe?.stop();
    await informer?.stop();
    await api?.close();
    await box?.stop();
  });

  const change = async (name: string): Promise<void> => {
    const before = informer.items().size;
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
    const path = "/api/v1/namespaces/default/configmaps";
    const created = await api.request({ method: "POST", path, body });
    expect(created.status).toBe(201);
    await pollUntil(() => informer.items().has(`default/${name}`), { ...wait, what: `${name} seen` });
    expect(informer.items().size).toBe(before + 1);
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
