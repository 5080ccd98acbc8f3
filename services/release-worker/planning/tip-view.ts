import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { readManifest, type ManifestFile } from "#common/domain/manifest.ts";
import type { DeclaredFact } from "#common/domain/plan.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import * as manifests from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import type { GitCache } from "../git/git-cache.ts";

/** Raised when readManifest learns something new, so that stored parse results are made again. */
export const parserVersion = 3;
const maxFiles = 10_000;
/** Parse results and views kept in memory: enough for the lanes of a busy worker. */
const maxParsed = 50_000;
const recentViews = 16;
/** Blobs of one view kept in memory beyond those of the newest request. */
const maxFetched = 200;
const maxFileBytes = 1024 * 1024;

export interface TipFile {
  readonly path: string;
  readonly mode: string;
  /** Empty for a file that a job of the same batch has changed: it is in no commit yet. */
  readonly oid: string;
  readonly manifest: ManifestFile;
}

/** The manifests of one environment at one commit, as the planner sees them. */
export interface TipView {
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly files: ReadonlyMap<string, TipFile>;
  declared(): readonly DeclaredFact[];
  filesOf(workload: WorkloadId): readonly TipFile[];
  readText(path: string): Promise<string>;
  /** Brings many files at once, so that `readText` of each costs nothing. */
  prefetch(paths: Iterable<string>): Promise<void>;
  /** The same view with files changed, for the next job of a batch. */
  withTexts(texts: ReadonlyMap<string, string>): TipView;
}

export interface TipReader {
  read(commit: string, environment: EnvironmentSettings): Promise<TipView>;
}

/** Parse results that workers share. */
export interface ParsedBlobs {
  known(oids: readonly string[], defaultNamespace: string): Promise<ReadonlyMap<string, ManifestFile>>;
  save(blobs: ReadonlyMap<string, ManifestFile>, defaultNamespace: string): Promise<void>;
}

/** What reading a tip needs of git. */
export type TreeSource = Pick<GitCache, "listTree" | "readBlobs">;

/** Reads a commit's manifests; every blob is parsed once, here or on another worker before. */
export function createTipReader(deps: { store: Store; git: TreeSource }): TipReader {
  return createTipReaderOver({ git: deps.git, blobs: storedBlobs(deps.store) });
}

/** As `createTipReader`, with parse results kept anywhere. */
export function createTipReaderOver(deps: { blobs: ParsedBlobs; git: TreeSource }): TipReader {
  const parsed = new Map<string, ManifestFile>();
  const recent = new Map<string, Promise<TipView>>();
  return {
    read(commit, environment) {
      const key = JSON.stringify([
        commit,
        environment.name,
        environment.defaultNamespace,
        environment.git.paths,
      ]);
      const known = recent.get(key);
      if (known !== undefined) return known;
      if (parsed.size > maxParsed) parsed.clear();
      const view = readView({ ...deps, parsed }, commit, environment);
      recent.set(key, view);
      for (const oldest of recent.keys()) if (recent.size > recentViews) recent.delete(oldest);
      // What failed is read again next time.
      view.catch(() => recent.delete(key));
      return view;
    },
  };
}

interface ReaderParts {
  readonly blobs: ParsedBlobs;
  readonly git: TreeSource;
  readonly parsed: Map<string, ManifestFile>;
}

async function readView(
  deps: ReaderParts,
  commit: string,
  environment: EnvironmentSettings,
): Promise<TipView> {
  const entries = (await deps.git.listTree(commit, environment.git.paths)).filter(isManifest);
  if (entries.length > maxFiles) {
    throw new SlipwayError("MANIFEST_TOO_LARGE", {
      detail: `${entries.length} manifest files under ${environment.git.paths.join(", ")}; the limit is ${maxFiles}`,
      hint: "narrow the environment's git.paths",
    });
  }
  const oids = [...new Set(entries.map((entry) => entry.oid))];
  await parseMissing({ ...deps, oids, namespace: environment.defaultNamespace });
  const files = new Map<string, TipFile>();
  for (const entry of entries) {
    const manifest = deps.parsed.get(cacheKey(entry.oid, environment.defaultNamespace));
    if (manifest !== undefined) files.set(entry.path, { ...entry, manifest });
  }
  return createView({ git: deps.git, commit, environment, files, texts: new Map(), fetched: new Map() });
}

function storedBlobs(store: Store): ParsedBlobs {
  return {
    known: (oids, defaultNamespace) =>
      manifests.knownBlobs(store.db, { oids, defaultNamespace, parser: parserVersion }),
    save: (blobs, defaultNamespace) =>
      manifests.saveBlobs(store.db, { blobs, defaultNamespace, parser: parserVersion }),
  };
}

interface ParseJob {
  readonly blobs: ParsedBlobs;
  readonly git: TreeSource;
  readonly parsed: Map<string, ManifestFile>;
  readonly oids: readonly string[];
  readonly namespace: string;
}

async function parseMissing(job: ParseJob): Promise<void> {
  const missing = job.oids.filter((oid) => !job.parsed.has(cacheKey(oid, job.namespace)));
  if (missing.length === 0) return;
  const known = await job.blobs.known(missing, job.namespace);
  for (const [oid, manifest] of known) job.parsed.set(cacheKey(oid, job.namespace), manifest);
  const unknown = missing.filter((oid) => !known.has(oid));
  if (unknown.length === 0) return;
  const fresh = new Map<string, ManifestFile>();
  const blobs = await job.git.readBlobs(unknown);
  for (const oid of unknown) {
    const manifest = parseBlob(blobs.get(oid), job.namespace);
    fresh.set(oid, manifest);
    job.parsed.set(cacheKey(oid, job.namespace), manifest);
  }
  await job.blobs.save(fresh, job.namespace);
}

function parseBlob(bytes: Buffer | undefined, defaultNamespace: string): ManifestFile {
  if (bytes === undefined || bytes.byteLength > maxFileBytes) {
    return { workloads: [], faults: [{ message: "larger than 1 MiB: not read" }] };
  }
  try {
    return readManifest(decode(bytes), { defaultNamespace });
  } catch {
    // Only decoding throws: what is not UTF-8 cannot be written back byte for byte, so it is not read.
    return { workloads: [], faults: [{ message: "not UTF-8: not read" }] };
  }
}

/** Strict, and with the BOM kept: an edit must be able to write every other byte back. */
function decode(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

interface ViewParts {
  readonly git: TreeSource;
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly files: ReadonlyMap<string, TipFile>;
  /** Files as changed by jobs of the same batch. */
  readonly texts: ReadonlyMap<string, string>;
  /** Blobs read so far, for this view alone. */
  readonly fetched: Map<string, Buffer>;
}

function createView(parts: ViewParts): TipView {
  return {
    commit: parts.commit,
    environment: parts.environment,
    files: parts.files,
    declared: () => [...parts.files.values()].flatMap(declaredOf),
    filesOf(workload) {
      const id = formatWorkloadId(workload);
      return [...parts.files.values()].filter((file) =>
        file.manifest.workloads.some((declared) => formatWorkloadId(declared.id) === id),
      );
    },
    readText: (path) => readText(parts, path),
    prefetch: (paths) => prefetch(parts, paths),
    withTexts(texts) {
      const files = new Map(parts.files);
      for (const [path, text] of texts) {
        const manifest = readManifest(text, { defaultNamespace: parts.environment.defaultNamespace });
        files.set(path, { path, mode: parts.files.get(path)?.mode ?? "100644", oid: "", manifest });
      }
      return createView({ ...parts, files, texts: new Map([...parts.texts, ...texts]) });
    },
  };
}

async function readText(parts: ViewParts, path: string): Promise<string> {
  const changed = parts.texts.get(path);
  if (changed !== undefined) return changed;
  const file = parts.files.get(path);
  if (file !== undefined) await prefetch(parts, [path]);
  const bytes = parts.fetched.get(file?.oid ?? "");
  if (bytes === undefined) {
    throw new SlipwayError("GIT_CACHE_BROKEN", { detail: `${path} of ${parts.commit} could not be read` });
  }
  return decode(bytes);
}

async function prefetch(parts: ViewParts, paths: Iterable<string>): Promise<void> {
  const oids = [...paths].flatMap((path) =>
    parts.texts.has(path) ? [] : (parts.files.get(path)?.oid ?? []),
  );
  const missing = [...new Set(oids)].filter((oid) => oid !== "" && !parts.fetched.has(oid));
  if (missing.length === 0) return;
  if (parts.fetched.size > maxFetched) parts.fetched.clear();
  for (const [oid, bytes] of await parts.git.readBlobs(missing)) parts.fetched.set(oid, bytes);
}

function declaredOf(file: TipFile): readonly DeclaredFact[] {
  return file.manifest.workloads.map((declared) => ({
    id: declared.id,
    path: file.path,
    policies: declared.policies,
    containers: declared.containers,
  }));
}

function isManifest(entry: { path: string; mode: string }): boolean {
  return entry.mode.startsWith("100") && /\.(ya?ml|json)$/i.test(entry.path);
}

function cacheKey(oid: string, namespace: string): string {
  return `${oid} ${namespace}`;
}
