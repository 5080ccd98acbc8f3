import { createHash } from "node:crypto";

import picomatch from "picomatch";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isKustomizationPath } from "#common/domain/kustomization.ts";
import { indexKustomizations } from "#common/domain/kustomize-index.ts";
import { readManifest, type ManifestFile } from "#common/domain/manifest.ts";
import { largestManifestBytes, parseDotPath, type ManifestOptions } from "#common/domain/manifest-options.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { GitCache, TreeEntry } from "../git/git-cache.ts";
import { blobOid, type BlobMemory } from "./blob-memory.ts";

/** Parse results that workers share. `readAs` names how the bytes were read: the same bytes may be read otherwise. */
export interface ParsedBlobs {
  known(oids: readonly string[], readAs: string): Promise<ReadonlyMap<string, ManifestFile>>;
  save(blobs: ReadonlyMap<string, ManifestFile>, readAs: string): Promise<void>;
}

/** What reading a tip needs of git. */
export type TreeSource = Pick<GitCache, "listTree" | "readBlobs">;

/** One file of a tip, as its bytes say. */
export interface RawFile {
  readonly path: string;
  readonly mode: string;
  readonly oid: string;
  readonly manifest: ManifestFile;
}

export interface FileReader {
  /** The manifests in the environment's paths, and those outside that its kustomizations build on. */
  read(commit: string, environment: EnvironmentSettings): Promise<ReadonlyMap<string, RawFile>>;
  /** Keeps what a text is parsed to, so that the blob it becomes is not parsed again. */
  learn(text: string, path: string, environment: EnvironmentSettings): ManifestFile;
}

export interface FileReaderDeps {
  readonly blobs: ParsedBlobs;
  readonly git: TreeSource;
  /** Bytes that were read, for whoever edits them. */
  readonly memory: BlobMemory;
  /** Called for each blob that is parsed. */
  readonly onParse?: ((path: string) => void) | undefined;
}

const maxFiles = 10_000;
/** Parse results kept in memory: enough for the lanes of a busy worker. */
const maxParsed = 50_000;

/** Reads files of commits; every blob is parsed once, here or on another worker before. */
export function createFileReader(deps: FileReaderDeps): FileReader {
  const shelf: Shelf = { ...deps, parsed: new Map(), unsaved: new Map() };
  return {
    async read(commit, environment) {
      if (shelf.parsed.size > maxParsed) shelf.parsed.clear();
      const { paths } = environment.git;
      const entries = (await deps.git.listTree(commit, paths)).filter(isManifest);
      checkCount(entries, paths.join(", "));
      const files = await readEntries(shelf, environment, entries);
      const builds = [...files.values()].some(isKustomization);
      if (!builds || isWhole(paths)) return files;
      return withOutside(shelf, { commit, environment, files });
    },
    learn(text, path, environment) {
      const options = manifestOptions(environment, path);
      const manifest = readManifest(text, options);
      const key = cacheKey(blobOid(Buffer.from(text, "utf8")), readAs(options));
      shelf.parsed.set(key, manifest);
      shelf.unsaved.set(key, manifest);
      for (const oldest of shelf.unsaved.keys())
        if (shelf.unsaved.size > maxUnsaved) shelf.unsaved.delete(oldest);
      return manifest;
    },
  };
}

/** How a file of this environment is to be read. */
export function manifestOptions(environment: EnvironmentSettings, path: string): ManifestOptions {
  const { defaultNamespace, manifests } = environment;
  const custom = manifests?.customKinds?.map((kind) => ({
    ...kind,
    podSpec: kind.podSpec === undefined ? undefined : parseDotPath(kind.podSpec),
    images: kind.images?.map(toPaths),
  }));
  const mapped = manifests?.helmValues?.find((values) => picomatch.isMatch(path, values.path));
  const parsed = mapped === undefined ? undefined : parseWorkloadId(mapped.workload);
  const workload = parsed?.kind === undefined ? undefined : { ...parsed, kind: parsed.kind };
  return {
    defaultNamespace,
    ...(custom === undefined ? {} : { customKinds: custom }),
    ...(workload === undefined ? {} : { values: { workload, images: mapped?.images?.map(toPaths) } }),
  };
}

/** Strict, and with the BOM kept: an edit must be able to write every other byte back. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Whether a path is at or below one of the environment's. */
export function isInPaths(path: string, paths: readonly string[]): boolean {
  return paths.some((under) => {
    const folder = plainPath(under);
    return folder === "" || path === folder || path.startsWith(`${folder}/`);
  });
}

const maxUnsaved = 1_000;

interface Shelf extends FileReaderDeps {
  readonly parsed: Map<string, ManifestFile>;
  /** Parsed from texts that no commit held yet. */
  readonly unsaved: Map<string, ManifestFile>;
}

/** Bases and components may stand anywhere in the repository. */
async function withOutside(
  shelf: Shelf,
  at: { commit: string; environment: EnvironmentSettings; files: ReadonlyMap<string, RawFile> },
): Promise<ReadonlyMap<string, RawFile>> {
  const { commit, environment, files } = at;
  const outside = (await shelf.git.listTree(commit)).filter(
    (entry) => isManifest(entry) && !files.has(entry.path),
  );
  const kustomizations = outside.filter((entry) => isKustomizationPath(entry.path));
  checkCount(kustomizations, "the repository");
  const known = new Map([...files, ...(await readEntries(shelf, environment, kustomizations))]);
  const nothing: ManifestFile = { workloads: [], faults: [] };
  const all = new Map([
    ...outside.map((entry) => [entry.path, nothing] as const),
    ...[...known].map(([path, file]) => [path, file.manifest] as const),
  ]);
  const inScope = (path: string) => isInPaths(path, environment.git.paths);
  const { used } = indexKustomizations({ files: all, inScope });
  const wanted = outside.filter((entry) => used.has(entry.path) && !known.has(entry.path));
  checkCount(wanted, "the repository");
  return new Map([...known, ...(await readEntries(shelf, environment, wanted))]);
}

async function readEntries(
  shelf: Shelf,
  environment: EnvironmentSettings,
  entries: readonly TreeEntry[],
): Promise<ReadonlyMap<string, RawFile>> {
  const groups = new Map<string, { options: ManifestOptions; entries: TreeEntry[] }>();
  const plain = environment.manifests === undefined ? manifestOptions(environment, "") : undefined;
  for (const entry of entries) {
    const options = plain ?? manifestOptions(environment, entry.path);
    const key = readAs(options);
    const group = groups.get(key) ?? { options, entries: [] };
    group.entries.push(entry);
    groups.set(key, group);
  }
  const files = new Map<string, RawFile>();
  for (const group of groups.values()) {
    await parseMissing(shelf, group);
    for (const entry of group.entries) {
      const manifest = shelf.parsed.get(cacheKey(entry.oid, readAs(group.options)));
      if (manifest !== undefined) files.set(entry.path, { ...entry, manifest });
    }
  }
  return files;
}

async function parseMissing(
  shelf: Shelf,
  group: { readonly options: ManifestOptions; readonly entries: readonly TreeEntry[] },
): Promise<void> {
  const as = readAs(group.options);
  const paths = new Map(group.entries.map((entry) => [entry.oid, entry.path]));
  await saveLearnt(shelf, { oids: [...paths.keys()], as });
  const missing = [...paths.keys()].filter((oid) => !shelf.parsed.has(cacheKey(oid, as)));
  if (missing.length === 0) return;
  const known = await shelf.blobs.known(missing, as);
  for (const [oid, manifest] of known) shelf.parsed.set(cacheKey(oid, as), manifest);
  const unknown = missing.filter((oid) => !known.has(oid));
  if (unknown.length === 0) return;
  const fresh = new Map<string, ManifestFile>();
  const blobs = await shelf.git.readBlobs(unknown);
  for (const oid of unknown) {
    const bytes = blobs.get(oid);
    if (bytes !== undefined) shelf.memory.keep(oid, bytes);
    const manifest = parseBlob(bytes, group.options);
    shelf.onParse?.(paths.get(oid) ?? "");
    fresh.set(oid, manifest);
    shelf.parsed.set(cacheKey(oid, as), manifest);
  }
  await shelf.blobs.save(fresh, as);
}

/** What was parsed as a text and is a blob now is shared with the other workers. */
async function saveLearnt(
  shelf: Shelf,
  of: { readonly oids: readonly string[]; readonly as: string },
): Promise<void> {
  if (shelf.unsaved.size === 0) return;
  const learnt = new Map<string, ManifestFile>();
  for (const oid of of.oids) {
    const key = cacheKey(oid, of.as);
    const manifest = shelf.unsaved.get(key);
    if (manifest !== undefined) learnt.set(oid, manifest);
    shelf.unsaved.delete(key);
  }
  if (learnt.size > 0) await shelf.blobs.save(learnt, of.as);
}

function parseBlob(bytes: Buffer | undefined, options: ManifestOptions): ManifestFile {
  if (bytes === undefined || bytes.byteLength > largestManifestBytes) {
    return { workloads: [], faults: [{ message: "larger than 1 MiB: not read" }] };
  }
  try {
    return readManifest(decode(bytes), options);
  } catch {
    // Only decoding throws: what is not UTF-8 cannot be written back byte for byte, so it is not read.
    return { workloads: [], faults: [{ message: "not UTF-8: not read" }] };
  }
}

function checkCount(entries: readonly TreeEntry[], where: string): void {
  if (entries.length <= maxFiles) return;
  throw new SlipwayError("MANIFEST_TOO_LARGE", {
    detail: `${entries.length} manifest files under ${where}; the limit is ${maxFiles}`,
    hint: "narrow the environment's git.paths",
  });
}

function isManifest(entry: { path: string; mode: string }): boolean {
  const isNamed = /\.(ya?ml|json)$/i.test(entry.path) || isKustomizationPath(entry.path);
  return entry.mode.startsWith("100") && isNamed;
}

function isKustomization({ path, manifest }: RawFile): boolean {
  return manifest.kustomization !== undefined && isKustomizationPath(path);
}

function isWhole(paths: readonly string[]): boolean {
  return paths.length === 0 || paths.some((path) => plainPath(path) === "");
}

/** "./a/" and "a" are one place; the top of the repository is "". */
function plainPath(path: string): string {
  const plain = path.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  return plain === "." ? "" : plain;
}

function toPaths(paths: {
  container: string;
  image?: string | undefined;
  registry?: string | undefined;
  repository?: string | undefined;
  tag?: string | undefined;
  digest?: string | undefined;
}) {
  const { container, ...parts } = paths;
  const parsed = Object.entries(parts).flatMap(([part, path]) =>
    path === undefined ? [] : [[part, parseDotPath(path)] as const],
  );
  return { container, ...Object.fromEntries(parsed) };
}

/** The default namespace, and where there is more to say a hash of it. */
function readAs({ defaultNamespace, customKinds, values }: ManifestOptions): string {
  if (customKinds === undefined && values === undefined) return defaultNamespace;
  const more = JSON.stringify([customKinds ?? [], values ?? null]);
  return `${defaultNamespace} ${createHash("sha256").update(more).digest("hex").slice(0, 16)}`;
}

function cacheKey(oid: string, readAs: string): string {
  return `${oid} ${readAs}`;
}
