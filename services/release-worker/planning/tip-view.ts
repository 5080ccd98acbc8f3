import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { readManifest, type ManifestFile } from "#common/domain/manifest.ts";
import type { DeclaredFact } from "#common/domain/plan.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import * as manifests from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import type { GitCache } from "../git/git-cache.ts";

/** Raised when readManifest learns something new, so that stored parse results are made again. */
export const parserVersion = 1;
const maxFiles = 10_000;
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
  /** The same view with files changed, for the next job of a batch. */
  withTexts(texts: ReadonlyMap<string, string>): TipView;
}

export interface TipReader {
  read(commit: string, environment: EnvironmentSettings): Promise<TipView>;
}

/** Reads a commit's manifests; every blob is parsed once, here or on another worker before. */
export function createTipReader(deps: { store: Store; git: GitCache }): TipReader {
  const parsed = new Map<string, ManifestFile>();
  return {
    async read(commit, environment) {
      const entries = (await deps.git.listTree(commit, environment.git.paths)).filter(isManifest);
      if (entries.length > maxFiles) {
        throw new SlipwayError("MANIFEST_TOO_LARGE", {
          detail: `${entries.length} manifest files under ${environment.git.paths.join(", ")}; the limit is ${maxFiles}`,
          hint: "narrow the environment's git.paths",
        });
      }
      const oids = [...new Set(entries.map((entry) => entry.oid))];
      await parseMissing({ ...deps, parsed, oids, namespace: environment.defaultNamespace });
      const files = new Map<string, TipFile>();
      for (const entry of entries) {
        const manifest = parsed.get(cacheKey(entry.oid, environment.defaultNamespace));
        if (manifest !== undefined) files.set(entry.path, { ...entry, manifest });
      }
      return createView({ git: deps.git, commit, environment, files, texts: new Map() });
    },
  };
}

interface ParseJob {
  readonly store: Store;
  readonly git: GitCache;
  readonly parsed: Map<string, ManifestFile>;
  readonly oids: readonly string[];
  readonly namespace: string;
}

async function parseMissing(job: ParseJob): Promise<void> {
  const missing = job.oids.filter((oid) => !job.parsed.has(cacheKey(oid, job.namespace)));
  if (missing.length === 0) return;
  const asked = { oids: missing, defaultNamespace: job.namespace, parser: parserVersion };
  const known = await manifests.knownBlobs(job.store.db, asked);
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
  const saved = { blobs: fresh, defaultNamespace: job.namespace, parser: parserVersion };
  await manifests.saveBlobs(job.store.db, saved);
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
  readonly git: GitCache;
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly files: ReadonlyMap<string, TipFile>;
  readonly texts: ReadonlyMap<string, string>;
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
  const bytes = file === undefined ? undefined : (await parts.git.readBlobs([file.oid])).get(file.oid);
  if (bytes === undefined) {
    throw new SlipwayError("GIT_CACHE_BROKEN", { detail: `${path} of ${parts.commit} could not be read` });
  }
  return decode(bytes);
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
