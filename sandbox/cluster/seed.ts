import type { JsonObject } from "./json.ts";
import { kindNamed } from "./kinds.ts";
import { kubeTime } from "./object.ts";
import type { Registry } from "./registry.ts";

const namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
const nodes = ["sandbox-1", "sandbox-2"];

/** What every cluster has from its first moment: namespaces, and here two nodes. */
export function seedCluster(registry: Registry, now: Date): void {
  for (const name of namespaces) {
    const target = { kind: kindNamed("Namespace"), namespace: "", name };
    registry.create(target, { metadata: { name } }, { manager: "kube-apiserver" });
  }
  for (const name of nodes) {
    const target = { kind: kindNamed("Node"), namespace: "", name };
    registry.create(target, node(name, kubeTime(now)), { manager: "kubelet" });
  }
}

function node(name: string, time: string): JsonObject {
  const capacity = { cpu: "4", memory: "8Gi", pods: "110" };
  const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "the sandbox is ready" };
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
    spec: {},
    status: {
      nodeInfo: { operatingSystem: "linux", architecture: "amd64" },
      capacity,
      allocatable: capacity,
      conditions: [{ ...ready, lastHeartbeatTime: time, lastTransitionTime: time }],
    },
  };
}
