import { describe } from "vitest";

import { createKubeApi } from "#common/kit/kube.ts";
import { findKubeAssets, howToGetKubeBox, startKubeBox } from "#support/kube-box.ts";
import { startPodRunner } from "#support/pod-runner.ts";
import type { PodOutcome } from "#support/pod-runner.ts";
import { needs } from "#support/skips.ts";

import { clusterContract } from "./cluster.contract.ts";
import type { ClusterUnderTest } from "./cluster.contract.ts";

const available = needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox);

describe.skipIf(!available)("a real control plane", () => {
  clusterContract("keeps the cluster contract", openRealCluster);
});

async function openRealCluster(): Promise<ClusterUnderTest> {
  const box = await startKubeBox();
  const api = await createKubeApi({ kubeconfig: box.kubeconfig });
  let decide = (_image: string): PodOutcome => "ready";
  const runner = await startPodRunner({
    api,
    outcome: (image) => decide(image),
    nodes: 2,
    onError: (error) => console.error(error),
  });
  return {
    kubeconfig: box.kubeconfig,
    setOutcome: (outcome) => {
      decide = outcome;
    },
    // An API server remembers old versions in its memory alone.
    forgetHistory: () => box.revive("kube-apiserver"),
    stop: async () => {
      await runner.stop();
      await api.close();
      await box.stop();
    },
  };
}
