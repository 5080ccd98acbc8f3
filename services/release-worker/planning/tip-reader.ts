import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import * as manifests from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import { createBlobMemory } from "./blob-memory.ts";
import { createFileReader, type ParsedBlobs, type TreeSource } from "./tip-files.ts";
import { createView, type TipView, type ViewParts } from "./tip-view.ts";

/** Raised when readManifest learns something new, so that stored parse results are made again. */
export const parserVersion = 4;
const recentViews = 128;

export interface TipReader {
  read(commit: string, environment: EnvironmentSettings): Promise<TipView>;
  /** A commit that we wrote ourselves holds exactly this view: it need not be read from git. */
  learn(commit: string, view: TipView): void;
}

interface ReaderOptions {
  readonly git: TreeSource;
  /** Called with its path for every file that is parsed: a blob nobody parsed before, or a text about to be edited. */
  readonly onParse?: ((path: string) => void) | undefined;
}

/** Reads a commit's manifests; every blob is parsed once, here or on another worker before. */
export function createTipReader(deps: ReaderOptions & { readonly store: Store }): TipReader {
  const { git, onParse, store } = deps;
  return createTipReaderOver({ git, onParse, blobs: storedBlobs(store) });
}

/** As `createTipReader`, with parse results kept anywhere. */
export function createTipReaderOver(deps: ReaderOptions & { readonly blobs: ParsedBlobs }): TipReader {
  const memory = createBlobMemory();
  const reader = createFileReader({ ...deps, memory });
  const recent = new Map<string, Promise<TipView>>();
  const remember = (key: string, view: Promise<TipView>): void => {
    recent.set(key, view);
    for (const oldest of recent.keys()) if (recent.size > recentViews) recent.delete(oldest);
  };
  return {
    read(commit, environment) {
      const key = keyOf(commit, environment);
      const known = recent.get(key);
      if (known !== undefined) return known;
      const view = readView({ ...deps, reader, memory }, commit, environment);
      remember(key, view);
      // What failed is read again next time.
      view.catch(() => recent.delete(key));
      return view;
    },
    learn(commit, view) {
      remember(keyOf(commit, view.environment), Promise.resolve(view.at(commit)));
    },
  };
}

function keyOf(commit: string, environment: EnvironmentSettings): string {
  const { name, mode, defaultNamespace, git, kustomize, manifests: more } = environment;
  return JSON.stringify([commit, name, mode, defaultNamespace, git.paths, kustomize, more]);
}

async function readView(
  parts: Pick<ViewParts, "git" | "reader" | "memory" | "onParse">,
  commit: string,
  environment: EnvironmentSettings,
): Promise<TipView> {
  const raw = await parts.reader.read(commit, environment);
  return createView({ ...parts, commit, environment, raw, texts: new Map() });
}

function storedBlobs(store: Store): ParsedBlobs {
  const parser = parserVersion;
  return {
    known: (oids, readAs) => manifests.knownBlobs(store.db, { oids, defaultNamespace: readAs, parser }),
    save: (blobs, readAs) => manifests.saveBlobs(store.db, { blobs, defaultNamespace: readAs, parser }),
  };
}
