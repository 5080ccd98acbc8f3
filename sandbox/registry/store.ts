import { createHash } from "node:crypto";
import type { Content } from "./image.ts";

/** Repositories in memory: blobs and manifests by digest, tags by name. */
export interface RegistryStore {
  find(repository: string): StoredRepository | undefined;
  open(repository: string): StoredRepository;
}

export interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, Content>;
  readonly tags: Map<string, string>;
}

export function createRegistryStore(): RegistryStore {
  const repositories = new Map<string, StoredRepository>();
  return {
    find: (repository) => repositories.get(repository),
    open(repository) {
      const known = repositories.get(repository);
      if (known !== undefined) return known;
      const fresh: StoredRepository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
      repositories.set(repository, fresh);
      return fresh;
    },
  };
}

/** The manifest a tag or digest names. */
export function findManifest(
  repository: StoredRepository | undefined,
  reference: string,
): Content | undefined {
  const digest = reference.includes(":") ? reference : repository?.tags.get(reference);
  return digest === undefined ? undefined : repository?.manifests.get(digest);
}

/** One page of the sorted tag list, as `n` and `last` ask for it. */
export function tagPage(
  repository: StoredRepository,
  ask: { readonly n: number | undefined; readonly last: string | undefined },
): { readonly tags: readonly string[]; readonly last: string | undefined } {
  const { n, last } = ask;
  const all = [...repository.tags.keys()].sort().filter((tag) => last === undefined || tag > last);
  if (n === undefined || all.length <= n) return { tags: all, last: undefined };
  const tags = all.slice(0, n);
  return { tags, last: tags.at(-1) };
}

/** The blobs and manifests a manifest names that the repository does not hold. */
export function missingParts(repository: StoredRepository, manifest: unknown): string[] {
  const { config, layers, manifests } = (manifest ?? {}) as {
    config?: { digest?: string };
    layers?: { digest?: string }[];
    manifests?: { digest?: string }[];
  };
  const blobs = [config, ...(layers ?? [])].flatMap((part) => part?.digest ?? []);
  const children = (manifests ?? []).flatMap((part) => part.digest ?? []);
  return [
    ...blobs.filter((digest) => !repository.blobs.has(digest)),
    ...children.filter((digest) => !repository.manifests.has(digest)),
  ];
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
