import type { NodePlatforms } from "#common/contracts/http.ts";
import { parsePlatform } from "#common/domain/platform.ts";
import type { Platform } from "#common/domain/platform.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";

/** What a cluster's nodes can run, as it is told and as images are judged by. */
export interface NodeFacts {
  readonly told: NodePlatforms;
  /** Empty where they are not known. */
  readonly platforms: readonly Platform[];
}

/** Nothing is known of the nodes. */
export function unknownNodes(problem: string): NodeFacts {
  return { told: { platforms: [], problem }, platforms: [] };
}

/** Reads what a view tells of nodes: the same object again for as long as it tells the same. */
export function createNodeReader(): (view: View | undefined) => NodeFacts {
  let known = unknownNodes("");
  return (view) => {
    const { platforms = [], problem = "the cluster watcher does not tell" } = view?.nodes ?? {};
    const told = { platforms: [...platforms], problem: platforms.length === 0 ? problem : null };
    if (JSON.stringify(told) !== JSON.stringify(known.told)) {
      known = { told, platforms: platforms.map(parsePlatform) };
    }
    return known;
  };
}
