import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import type { CommittedDocument, LiveObject } from "./live-object.ts";
import { listAll } from "./sync-live.ts";

/** Who sets `spec.replicas`: git, unless an autoscaler does (CORRECTNESS 18). */
export interface ReplicasRule {
  /** What to write; undefined leaves them as they are. */
  replicasFor(document: CommittedDocument, live: LiveObject): Promise<number | undefined>;
}

interface Autoscaler {
  readonly spec?: { readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string } };
}

const kind = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" };

/** Autoscalers are asked for once for each namespace, and only where git and the cluster disagree. */
export function createReplicasRule(
  kube: Pick<KubeApi, "request" | "objectPath">,
  defaultNamespace: string,
): ReplicasRule {
  const namespaces = new Map<string, Promise<readonly Autoscaler[] | undefined>>();
  const autoscalersOf = (namespace: string) => {
    const known = namespaces.get(namespace) ?? listAutoscalers(kube, namespace);
    namespaces.set(namespace, known);
    return known;
  };
  return {
    async replicasFor(document, live) {
      const declared = document.spec?.["replicas"];
      if (typeof declared !== "number" || declared === live.spec?.replicas) return undefined;
      const scalers = await autoscalersOf(document.metadata.namespace ?? defaultNamespace);
      // Who may not see them must not work against them.
      if (scalers === undefined) return undefined;
      const targets = scalers.map((scaler) => scaler.spec?.scaleTargetRef);
      const isScaled = targets.some(
        (target) => target?.kind === document.kind && target.name === document.metadata.name,
      );
      return isScaled ? undefined : declared;
    },
  };
}

async function listAutoscalers(
  kube: Pick<KubeApi, "request" | "objectPath">,
  namespace: string,
): Promise<readonly Autoscaler[] | undefined> {
  try {
    const found = await listAll(kube, await kube.objectPath({ ...kind, namespace }));
    return found as readonly Autoscaler[] | undefined;
  } catch (error) {
    // A cluster that does not serve the kind has none of them.
    if (error instanceof SlipwayError && error.code === "KIND_UNKNOWN") return [];
    throw error;
  }
}
