import { createHash } from "node:crypto";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { effectivePolicies, type PolicyRule } from "#common/domain/effective-policy.ts";
import { isKustomizationPath } from "#common/domain/kustomization.ts";
import { renderWorkload } from "#common/domain/kustomize-render.ts";
import { declareTree, type ImageSite, type TreeWorkload } from "#common/domain/kustomize-tree.ts";
import type { DeclaredWorkload, ManifestFile } from "#common/domain/manifest.ts";
import { valuesKind } from "#common/domain/manifest-shapes.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import type { DeclaredFact } from "#common/domain/plan.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import { blobOid, type BlobMemory } from "./blob-memory.ts";
import { isRolledOut, refusalInMode } from "./rolled-out.ts";
import {
  decode,
  isInPaths,
  manifestOptions,
  type FileReader,
  type RawFile,
  type TreeSource,
} from "./tip-files.ts";

export interface TipFile {
  readonly path: string;
  readonly mode: string;
  /**
   * Names what `manifest` says: the blob, or where kustomize or the environment's mode say more, a hash of
   * both.
   */
  readonly oid: string;
  readonly manifest: ManifestFile;
}

/** The manifests of one environment at one commit, as the planner sees them. */
export interface TipView {
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly files: ReadonlyMap<string, TipFile>;
  /** Without those of namespaces that the environment has nothing to do with. */
  declared(): readonly DeclaredFact[];
  filesOf(workload: WorkloadId): readonly TipFile[];
  readText(path: string): Promise<string>;
  /** Brings many files at once, so that `readText` of each costs nothing. */
  prefetch(paths: Iterable<string>): Promise<void>;
  /** The same view with files changed, for the next job of a batch. */
  withTexts(texts: ReadonlyMap<string, string>): TipView;
  /** The same view as that of the commit that was made of it. */
  at(commit: string): TipView;
  /** Where the image of a container is written; undefined where it must not be. */
  siteOf(container: DeclaredContainerName): ImageSite | undefined;
  /** Every container whose image is written at a place. */
  decidedAt(site: ImageSite): readonly DeclaredContainerName[];
  /** Where a workload's own document stands; undefined where that is outside the environment's paths. */
  placeOf(of: { readonly workload: string; readonly path: string }): WorkloadPlace | undefined;
  /** The object a workload is in the cluster once applied; undefined when its file no longer declares it. */
  documentOf(target: { readonly workload: string; readonly path: string }): Promise<unknown>;
  /** Whether a rollout shows this container with its image. */
  isRolledOut(container: DeclaredContainerName): boolean;
  /** Told of each file whose text is edited. */
  noteParse(path: string): void;
}

export interface WorkloadPlace {
  /** As the file itself says it: kustomize may name the workload otherwise. */
  readonly id: WorkloadId;
  /** Other workloads that are made of the same document. */
  readonly shared: readonly string[];
}

/** A container of one declared workload. */
export interface DeclaredContainerName {
  /** `namespace:kind/name` */
  readonly workload: string;
  readonly container: string;
  /** The workload's own file. */
  readonly path: string;
}

export interface ViewParts {
  readonly git: TreeSource;
  readonly reader: FileReader;
  readonly memory: BlobMemory;
  readonly onParse?: ((path: string) => void) | undefined;
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  readonly raw: ReadonlyMap<string, RawFile>;
  /** Files as changed by jobs of the same batch: no host has them yet. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The view of files that were read. */
export function createView(parts: ViewParts): TipView {
  const built = builtWorkloads(parts);
  return viewOf(parts, { built, files: built === undefined ? plainFiles(parts) : builtFiles(parts, built) });
}

interface Said {
  readonly built: Built | undefined;
  readonly files: ReadonlyMap<string, TipFile>;
}

function viewOf(parts: ViewParts, said: Said): TipView {
  const { commit, environment } = parts;
  const { built, files } = said;
  const workloadOf = (of: { workload: string; path: string }) => built?.byName.get(builtKey(of));
  return {
    commit,
    environment,
    files,
    declared: () =>
      [...files.values()]
        .flatMap((file) => declaredOf(file, environment.policies ?? []))
        .filter(({ id }) => isNamespaceSeen(environment.namespaces, id.namespace)),
    filesOf(workload) {
      const id = formatWorkloadId(workload);
      return [...files.values()].filter((file) => declares(file.manifest, id));
    },
    readText: (path) => readText(parts, path),
    prefetch: (paths) => prefetch(parts, paths),
    withTexts(texts) {
      const raw = new Map(parts.raw);
      for (const [path, text] of texts) {
        const manifest = parts.reader.learn(text, path, environment);
        const oid = blobOid(Buffer.from(text, "utf8"));
        raw.set(path, { path, mode: parts.raw.get(path)?.mode ?? "100644", oid, manifest });
      }
      return createView({ ...parts, raw, texts: new Map([...parts.texts, ...texts]) });
    },
    at(commit) {
      for (const [path, text] of parts.texts) {
        parts.memory.keep(parts.raw.get(path)?.oid ?? "", Buffer.from(text, "utf8"));
      }
      return viewOf({ ...parts, commit, texts: new Map() }, said);
    },
    siteOf: (of) => (built === undefined ? plainSite(files, of) : workloadOf(of)?.sites.get(of.container)),
    decidedAt: (site) => built?.bySite.get(siteKey(site)) ?? [],
    placeOf(of) {
      const found = workloadOf(of) ?? plainWorkload(files, of);
      if (found === undefined || !isInPaths(of.path, environment.git.paths)) return undefined;
      const own = formatWorkloadId(found.own);
      const others = (built?.workloads ?? []).filter(
        (one) => one !== found && one.path === of.path && formatWorkloadId(one.own) === own,
      );
      return { id: found.own, shared: others.map((one) => formatWorkloadId(one.declared.id)) };
    },
    async documentOf(target) {
      const found = workloadOf(target) ?? plainWorkload(files, target);
      if (found === undefined) return undefined;
      return renderWorkload(
        found,
        await readText(parts, target.path),
        manifestOptions(environment, target.path),
      );
    },
    isRolledOut(of) {
      const found = findDeclared(files, of);
      if (found === undefined || !isRolledOut(found)) return false;
      // Only a mapping knows what the containers are called that a chart makes of its values.
      if (found.kind === valuesKind)
        return manifestOptions(environment, of.path).values?.images !== undefined;
      return found.containers.some((one) => one.name === of.container && one.marked === undefined);
    },
    noteParse: (path) => parts.onParse?.(path),
  };
}

interface Built {
  readonly workloads: readonly TreeWorkload[];
  /** `builtKey` → the first workload of that name. */
  readonly byName: ReadonlyMap<string, TreeWorkload>;
  /** `siteKey` → the containers whose image is written there. */
  readonly bySite: ReadonlyMap<string, readonly DeclaredContainerName[]>;
  readonly faults: ReturnType<typeof declareTree>["faults"];
}

/** What kustomize makes of the files; undefined where there is no kustomization, so that nothing is looked at twice. */
function builtWorkloads({ raw, environment }: ViewParts): Built | undefined {
  const inScope = (path: string) => isInPaths(path, environment.git.paths);
  const isBuilding = ({ path, manifest }: RawFile) =>
    manifest.kustomization !== undefined && isKustomizationPath(path);
  if (![...raw.values()].some((file) => isBuilding(file) && inScope(file.path))) return undefined;
  const files = new Map([...raw].map(([path, file]) => [path, file.manifest]));
  const tree = declareTree({ files, inScope, addImages: environment.kustomize?.addImages === true });
  const workloads = tree.workloads.map((one) => inMode(one, environment));
  const names = workloads.map((one) => [builtKey(nameOf(one)), one] as const);
  const sites = workloads.flatMap((one) =>
    [...one.sites].map(([container, site]) => ({ key: siteKey(site), name: { ...nameOf(one), container } })),
  );
  const bySite = Map.groupBy(sites, (site) => site.key);
  return {
    faults: tree.faults,
    workloads,
    byName: new Map(names.toReversed()),
    bySite: new Map([...bySite].map(([key, group]) => [key, group.map((site) => site.name)])),
  };
}

function nameOf({ declared, path }: TreeWorkload): { readonly workload: string; readonly path: string } {
  return { workload: formatWorkloadId(declared.id), path };
}

function builtKey(of: { readonly workload: string; readonly path: string }): string {
  return `${of.workload} ${of.path}`;
}

function inMode(workload: TreeWorkload, environment: EnvironmentSettings): TreeWorkload {
  const reason = refusalInMode(workload, environment.mode);
  if (reason === undefined) return workload;
  return { ...workload, declared: uneditable(workload.declared, reason), sites: new Map() };
}

function uneditable(declared: DeclaredWorkload, reason: string): DeclaredWorkload {
  return { ...declared, containers: declared.containers.map((one) => ({ ...one, editable: false, reason })) };
}

/** Files as they are; only what the environment's mode forbids is said differently. */
function plainFiles({ raw, environment }: ViewParts): ReadonlyMap<string, TipFile> {
  const changed = [...raw.values()].flatMap((file) => {
    const workloads = file.manifest.workloads.map((declared) => {
      const reason = refusalInMode({ declared }, environment.mode);
      return reason === undefined ? declared : uneditable(declared, reason);
    });
    const isSame = workloads.every((declared, index) => declared === file.manifest.workloads[index]);
    return isSame ? [] : [said(file, { ...file.manifest, workloads })];
  });
  return changed.length === 0 ? raw : new Map([...raw, ...changed.map((file) => [file.path, file] as const)]);
}

/** The files in scope, and those outside that declare something or are broken. */
function builtFiles({ raw, environment }: ViewParts, built: Built): ReadonlyMap<string, TipFile> {
  const byPath = Map.groupBy(built.workloads, (one) => one.path);
  const files = new Map<string, TipFile>();
  for (const file of raw.values()) {
    const workloads = (byPath.get(file.path) ?? []).map((one) => one.declared);
    const own = built.faults.filter((fault) => fault.path === file.path).map(({ message }) => ({ message }));
    if (!isInPaths(file.path, environment.git.paths) && workloads.length === 0) continue;
    files.set(
      file.path,
      said(file, { ...file.manifest, workloads, faults: [...file.manifest.faults, ...own] }),
    );
  }
  return files;
}

/** A file that says something else than its bytes alone has a name of its own, so that the projection sees it move. */
function said(file: RawFile, manifest: ManifestFile): TipFile {
  const isSame = JSON.stringify(manifest.workloads) === JSON.stringify(file.manifest.workloads);
  if (isSame) return { ...file, manifest };
  const hash = createHash("sha1").update(file.oid).update(JSON.stringify(manifest.workloads));
  return { ...file, oid: hash.digest("hex"), manifest };
}

function findDeclared(
  files: ReadonlyMap<string, TipFile>,
  of: { readonly workload: string; readonly path: string },
): DeclaredWorkload | undefined {
  return files.get(of.path)?.manifest.workloads.find((one) => formatWorkloadId(one.id) === of.workload);
}

function plainWorkload(
  files: ReadonlyMap<string, TipFile>,
  of: { readonly workload: string; readonly path: string },
): TreeWorkload | undefined {
  const declared = findDeclared(files, of);
  return declared === undefined ? undefined : { path: of.path, own: declared.id, declared, sites: new Map() };
}

function plainSite(files: ReadonlyMap<string, TipFile>, of: DeclaredContainerName): ImageSite | undefined {
  const declared = findDeclared(files, of);
  const found = declared?.containers.find((one) => one.name === of.container);
  if (declared === undefined || found?.editable !== true) return undefined;
  return { kind: "workload", path: of.path, id: declared.id, container: of.container, image: found.image };
}

/** Two containers with one key are written at one place. */
export function siteKey(site: ImageSite): string {
  const what = site.kind === "entry" ? [site.name] : [formatWorkloadId(site.id), site.container];
  return JSON.stringify([site.kind, site.path, ...what]);
}

function declares(manifest: ManifestFile, id: string): boolean {
  return manifest.workloads.some((declared) => formatWorkloadId(declared.id) === id);
}

async function readText(parts: ViewParts, path: string): Promise<string> {
  const changed = parts.texts.get(path);
  if (changed !== undefined) return changed;
  const oid = parts.raw.get(path)?.oid;
  const bytes = oid === undefined ? undefined : (await blobsOf(parts, [oid])).get(oid);
  if (bytes === undefined) {
    throw new SlipwayError("GIT_CACHE_BROKEN", { detail: `${path} of ${parts.commit} could not be read` });
  }
  return decode(bytes);
}

async function prefetch(parts: ViewParts, paths: Iterable<string>): Promise<void> {
  const oids = [...paths].flatMap((path) => (parts.texts.has(path) ? [] : (parts.raw.get(path)?.oid ?? [])));
  await blobsOf(parts, oids);
}

/** What memory has, and the rest in one round trip; memory keeps no giants. */
async function blobsOf(parts: ViewParts, oids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const { memory } = parts;
  const missing = [...new Set(oids)].filter((oid) => !memory.has(oid));
  const read = missing.length === 0 ? new Map<string, Buffer>() : await parts.git.readBlobs(missing);
  for (const [oid, bytes] of read) memory.keep(oid, bytes);
  const known = oids.flatMap((oid) => {
    const bytes = read.get(oid) ?? memory.get(oid);
    return bytes === undefined ? [] : [[oid, bytes] as const];
  });
  return new Map(known);
}

function declaredOf(file: TipFile, rules: readonly PolicyRule[]): readonly DeclaredFact[] {
  return file.manifest.workloads.map((declared) => ({
    id: declared.id,
    path: file.path,
    policies: effectivePolicies(rules, { ...declared, labels: declared.labels ?? {} }),
    containers: declared.containers,
  }));
}
