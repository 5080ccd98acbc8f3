import type { Clock } from "#common/kit/clock.ts";
import { createInformer, type Informer } from "#common/kit/kube-informer.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";
import type { Log } from "#common/kit/log.ts";
import type { Nodes } from "#proto/slipway/cluster/v1/cluster.ts";

/** What the nodes of a cluster can run, followed for as long as the cluster is. */
export interface NodeWatch {
  /** As known now: once they were seen, what was seen last. */
  nodes(): Nodes;
  reconnect(): void;
  stop(): Promise<void>;
}

export interface NodeWatchDeps {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Watches the nodes beside everything else: they are no workloads, and a watcher that may not see them
 * (its role is of one namespace) sees the workloads no worse.
 */
export function watchNodes({ api, clock, log }: NodeWatchDeps): NodeWatch {
  let known: Nodes | undefined;
  let toldRefusal = false;
  const informer = createInformer({
    api,
    path: "/api/v1/nodes",
    clock,
    project: platformOf,
    onError: (error) => log.debug("the watch of nodes was cut", { error }),
  });
  informer.subscribe(() => {
    known = undefined;
  });
  informer.start();
  return {
    nodes() {
      if (!informer.state().synced) {
        const problem = notSeen(informer);
        if (informer.state().refused !== undefined && !toldRefusal) {
          toldRefusal = true;
          log.warn(`${problem}; no image is left alone because of its platform`);
        }
        return { platforms: [], problem };
      }
      return (known ??= nodesOf([...informer.items().values()]));
    },
    reconnect: () => informer.reconnect(),
    stop: () => informer.stop(),
  };
}

function notSeen(informer: Informer<unknown>): string {
  const { refused, lastError } = informer.state();
  const word = lastError instanceof Error ? lastError.message : undefined;
  if (refused?.status === 403) return "nodes cannot be watched: the right to list and watch them is missing";
  return word === undefined ? "the nodes have not been read yet" : `nodes cannot be watched: ${word}`;
}

/** `os/architecture`; empty where a node tells none. */
function platformOf({ metadata, status }: KubeObject): string {
  const { nodeInfo } = (status ?? {}) as {
    nodeInfo?: { readonly operatingSystem?: string; readonly architecture?: string };
  };
  const labels = metadata.labels ?? {};
  const os = nodeInfo?.operatingSystem || labels["kubernetes.io/os"] || "";
  const architecture = nodeInfo?.architecture || labels["kubernetes.io/arch"] || "";
  return os === "" || architecture === "" ? "" : `${os}/${architecture}`;
}

/** One node that does not tell might run anything: then nothing is ruled out. */
function nodesOf(platforms: readonly string[]): Nodes {
  if (platforms.length === 0) return { platforms: [], problem: "the cluster has no nodes" };
  const untold = platforms.filter((platform) => platform === "").length;
  if (untold > 0)
    return { platforms: [], problem: `${untold} of ${platforms.length} nodes tell no platform` };
  const counts = new Map<string, number>();
  for (const platform of platforms) counts.set(platform, (counts.get(platform) ?? 0) + 1);
  const ordered = [...counts].toSorted(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1));
  return { platforms: ordered.map(([platform]) => platform), problem: "" };
}
