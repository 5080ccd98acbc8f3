import { createHash } from "node:crypto";
import type { Content } from "./image.ts";
import type { TagOrder } from "./quirks.ts";

/** Repositories in memory: blobs and manifests by digest, tags by name. */
export interface RegistryStore {
  find(repository: string): StoredRepository | undefined;
  open(repository: string): StoredRepository;
  /** A blob of any repository. */
  blob(digest: string): Buffer | undefined;
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
    blob: (digest) =>
      [...repositories.values()].map(({ blobs }) => blobs.get(digest)).find((bytes) => bytes !== undefined),
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

/** One page of the tag list in its order, as `n` and `last` ask for it. */
export function tagPage(
  repository: StoredRepository,
  ask: { readonly n: number | undefined; readonly last: string | undefined; readonly order: TagOrder },
): { readonly tags: readonly string[]; readonly last: string | undefined } {
  const { n, last, order } = ask;
  const all = inOrder([...repository.tags.keys()], order);
  // Where the order is not that of the names, `last` must be a tag of the list.
  const isLexical = order === "lexical" && last !== undefined;
  const rest = isLexical
    ? all.filter((tag) => tag > last)
    : all.slice(last === undefined ? 0 : all.indexOf(last) + 1);
  if (n === undefined || rest.length <= n) return { tags: rest, last: undefined };
  const tags = rest.slice(0, n);
  return { tags, last: tags.at(-1) };
}

function inOrder(pushed: readonly string[], order: TagOrder): readonly string[] {
  if (order === "lexical") return pushed.toSorted();
  return order === "oldest-first" ? pushed : pushed.toReversed();
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
