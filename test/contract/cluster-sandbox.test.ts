import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createSandboxCluster } from "#sandbox/cluster/cluster.ts";

import { clusterContract } from "./cluster.contract.ts";

clusterContract("sandbox cluster", async () => {
  const cluster = createSandboxCluster({ readyAfterMs: 0, reactAfterMs: 25, bookmarkEveryMs: 1_000 });
  await cluster.start();
  const folder = await mkdtemp(join(tmpdir(), "sandbox-cluster-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  return {
    kubeconfig,
    setOutcome: (outcome) => cluster.setOutcome(outcome),
    async forgetHistory() {
      cluster.forgetHistory();
      cluster.cutWatches();
    },
    async stop() {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
