import type { KubeApi } from "#common/kit/kube-types.ts";
import type { ExplainWorkloadRequest, Trouble } from "#proto/slipway/cluster/v1/cluster.ts";

/** What keeps a workload from being healthy, read from the API server now; the earliest cause first. */
export async function explainWorkload(_api: KubeApi, _asked: ExplainWorkloadRequest): Promise<Trouble[]> {
  return [];
}
