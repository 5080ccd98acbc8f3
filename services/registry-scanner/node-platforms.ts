import { parsePlatform } from "#common/domain/platform.ts";
import type { Platform } from "#common/domain/platform.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";

/** Lists what runs, with the view it is told from; the watcher's client fits. */
interface Lists<T> {
  listWorkloads(request: { readonly environment: string }): Promise<T>;
}

/** What the nodes of all clusters can run, as the watcher told it last. */
export interface NodePlatforms<T> {
  /** Lists as before, and remembers what comes with it: the scanner asks for what runs all the time. */
  readonly source: Lists<T>;
  /** Those of the first environment first; undefined while none are known. */
  known(): readonly Platform[] | undefined;
}

/** A view that tells no nodes takes nothing back: which part of an image was read is no matter of minutes. */
export function rememberPlatforms<T extends { readonly view?: View | undefined }>(
  from: Lists<T>,
  environments: readonly string[],
): NodePlatforms<T> {
  const told = new Map<string, readonly string[]>();
  return {
    source: {
      async listWorkloads(request) {
        const answer = await from.listWorkloads(request);
        const { platforms = [] } = answer.view?.nodes ?? {};
        if (platforms.length > 0) told.set(request.environment, platforms);
        return answer;
      },
    },
    known() {
      const all = new Set(environments.flatMap((name) => told.get(name) ?? []));
      return all.size === 0 ? undefined : [...all].map(parsePlatform);
    },
  };
}
