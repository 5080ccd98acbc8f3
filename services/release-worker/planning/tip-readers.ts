import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { Store } from "#common/store/store.ts";
import type { GitCache } from "../git/git-cache.ts";
import { createTipReader, type TipReader } from "./tip-reader.ts";

/** One reader per git cache: what a lane has read or written, applying and planning need not read again. */
export function createTipReaders(deps: {
  store: Store;
  gitOf: (environment: EnvironmentSettings) => GitCache;
  /** Told of every file that is parsed. */
  onParse?: (path: string) => void;
}): (environment: EnvironmentSettings) => TipReader {
  const readers = new WeakMap<GitCache, TipReader>();
  return (environment) => {
    const git = deps.gitOf(environment);
    const reader = readers.get(git) ?? createTipReader({ store: deps.store, git, onParse: deps.onParse });
    readers.set(git, reader);
    return reader;
  };
}
