import { listPages } from "#common/kit/kube-list.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";

import { wantedPaths } from "./watch-collections.ts";
import type { WatchedKind } from "./watched-kinds.ts";

export interface ExportDeps {
  readonly api: KubeApi;
  readonly isSeen: (namespace: string) => boolean;
  readonly kinds: readonly WatchedKind[];
  readonly namespaces: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/** Kept by API servers and clients for themselves: nobody would write it into a manifest. */
const ownAnnotations = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "deployment.kubernetes.io/revision",
];

/**
 * The objects of the workloads that are told, each as its owner might have written it: without status, managed
 * fields and what the API server adds. Throws CLUSTER_UNAVAILABLE where a list is refused.
 */
export async function* exportWorkloads({
  api,
  isSeen,
  kinds,
  namespaces,
  signal,
}: ExportDeps): AsyncGenerator<KubeObject> {
  const wanted = wantedPaths({ kinds, namespaces }, await api.discover());
  for (const [path, { kind, apiVersion }] of wanted) {
    const found: KubeObject[] = [];
    await listPages({ api, path }, { signal, onObject: (object) => void found.push(object) });
    for (const object of found) {
      if (isSeen(object.metadata.namespace ?? "") && kind.project(object) !== undefined)
        yield { apiVersion, kind: kind.apiKind, ...asWritten(object) };
    }
  }
}

function asWritten({ metadata, spec }: KubeObject): Pick<KubeObject, "metadata"> {
  const { name, namespace, labels, annotations } = metadata;
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !ownAnnotations.includes(key));
  const own = {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
  };
  return { metadata: own, ...(spec === undefined ? {} : { spec }) };
}
