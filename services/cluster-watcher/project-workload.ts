import { ownerOfMeta, type OwnerWord } from "#common/domain/owner.ts";
import { judgeRollout, type WorkloadObject } from "#common/domain/rollout.ts";
import { podSpecPath } from "#common/domain/workload.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import {
  OwnerKind,
  RolloutPhase,
  type Container,
  type Owner,
  type Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";

/** What is kept of a workload: well under 1 KiB, no spec, no managedFields. */
export function projectWorkload(kind: string, object: KubeObject): Workload {
  const { metadata } = object;
  const applied = (name: string) => metadata.annotations?.[`applied.slipway.dev/${name}`] ?? "";
  const judged = judgeRollout(kind, object);
  const status = (object as WorkloadObject).status;
  return {
    namespace: metadata.namespace ?? "",
    kind,
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    generation: BigInt(metadata.generation ?? 0),
    observedGeneration: BigInt(status?.observedGeneration ?? 0),
    containers: containersOf(kind, object),
    rollout: { ...judged, phase: phases[judged.phase] },
    owner: ownerOf(object),
    appliedEnvironment: applied("environment"),
    appliedCommit: applied("commit"),
    appliedJob: applied("job"),
    labels: Object.fromEntries(Object.entries(metadata.labels ?? {}).slice(0, 20)),
    createdAt: metadata.creationTimestamp === undefined ? undefined : new Date(metadata.creationTimestamp),
  };
}

const phases = {
  progressing: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
  complete: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
  failed: RolloutPhase.ROLLOUT_PHASE_FAILED,
} as const;

interface PodSpec {
  readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  readonly initContainers?: readonly { readonly name: string; readonly image?: string }[];
}

function containersOf(kind: string, object: KubeObject): Container[] {
  let value: unknown = object;
  for (const key of podSpecPath(kind) ?? []) value = (value as Record<string, unknown> | undefined)?.[key];
  const spec = (value ?? {}) as PodSpec;
  const take = (list: PodSpec["containers"], init: boolean) =>
    (list ?? []).map(({ name, image }) => ({ name, image: image ?? "", init }));
  return [...take(spec.containers, false), ...take(spec.initContainers, true)];
}

/** Ownership is per workload, read from what the owners leave on their objects. */
export function ownerOf(object: KubeObject): Owner {
  const { kind, ...name } = ownerOfMeta(object.metadata);
  return { kind: ownerKinds[kind], ...name };
}

const ownerKinds: Readonly<Record<OwnerWord, OwnerKind>> = {
  none: OwnerKind.OWNER_KIND_NONE,
  slipway: OwnerKind.OWNER_KIND_SLIPWAY,
  flux: OwnerKind.OWNER_KIND_FLUX,
  "argo-cd": OwnerKind.OWNER_KIND_ARGO_CD,
  helm: OwnerKind.OWNER_KIND_HELM,
};
