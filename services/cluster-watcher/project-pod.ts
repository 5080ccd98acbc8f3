import type { KubeObject } from "#common/kit/kube-types.ts";
import { podTroubles } from "./pod-trouble.ts";

/** Of a pod only what explains its workload: whose it is, what it runs, and what is wrong with it. */
export interface ProjectedPod {
  /** `namespace:kind/name` of the workload: a pod that nothing controls is its own. */
  readonly workload: string | undefined;
  readonly images: readonly string[];
  readonly trouble: Trouble | undefined;
}

export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** It passes by itself where all goes well; what does not, explains more. */
  readonly isStarting?: boolean;
}

interface PodShape {
  readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
}

export function projectPod(object: KubeObject): ProjectedPod {
  const pod = object as PodShape;
  return {
    workload: workloadOf(object),
    images: (pod.spec?.containers ?? []).map((container) => container.image ?? ""),
    trouble: troubleOf(object),
  };
}

interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

/** A Deployment's pod belongs to a ReplicaSet that is named after it and the template's hash. */
export function workloadOf(object: KubeObject): string {
  const owners = (object.metadata["ownerReferences"] ?? []) as readonly OwnerReference[];
  const owner = owners.find((candidate) => candidate.controller === true);
  const namespace = object.metadata.namespace ?? "";
  if (owner === undefined) return `${namespace}:pod/${object.metadata.name ?? ""}`;
  const hash = object.metadata.labels?.["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `${namespace}:deployment/${owner.name.slice(0, -hash.length - 1)}`;
  }
  return `${namespace}:${owner.kind.toLowerCase()}/${owner.name}`;
}

/** The earliest reason the API server knows (KUBERNETES §6), in a few words with the pod's name. */
function troubleOf(object: KubeObject): Trouble | undefined {
  const [first] = podTroubles(object);
  if (first === undefined) return undefined;
  const { reason, message, isStarting } = first;
  const name = object.metadata.name ?? "";
  return { reason, message: message === "" ? name : `${name}: ${message}`, isStarting };
}
