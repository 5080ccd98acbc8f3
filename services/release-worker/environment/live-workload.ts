import { parseWorkloadId } from "#common/domain/workload.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import { readLive } from "./apply-document.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import type { LiveObject } from "./live-object.ts";

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

const builtIn: Readonly<Record<string, Kind>> = {
  cronjob: { apiVersion: "batch/v1", kind: "CronJob" },
  daemonset: { apiVersion: "apps/v1", kind: "DaemonSet" },
  deployment: { apiVersion: "apps/v1", kind: "Deployment" },
  job: { apiVersion: "batch/v1", kind: "Job" },
  pod: { apiVersion: "v1", kind: "Pod" },
  replicaset: { apiVersion: "apps/v1", kind: "ReplicaSet" },
  replicationcontroller: { apiVersion: "v1", kind: "ReplicationController" },
  statefulset: { apiVersion: "apps/v1", kind: "StatefulSet" },
};

/** The workload as the API server has it now; undefined where it does not exist, or nothing of its kind. */
export async function readLiveWorkload(
  { deps, environment }: Pick<EnvironmentContext, "deps" | "environment">,
  workload: string,
): Promise<LiveObject | undefined> {
  const { kind = "", namespace, name } = parseWorkloadId(workload);
  const kube = await deps.kubeOf(environment);
  const served = builtIn[kind] ?? (await servedKind(kube, kind));
  if (served === undefined) return undefined;
  const { apiVersion, kind: spelled } = served;
  return readLive(kube, await kube.objectPath({ apiVersion, kind: spelled, namespace, name }));
}

async function servedKind(kube: Pick<KubeApi, "discover">, kind: string): Promise<Kind | undefined> {
  const { resources } = await kube.discover();
  return resources.find((resource) => resource.kind.toLowerCase() === kind);
}
