import { groupBy } from "./group-by.ts";
import { applyEntry, splitKustomizeImage, type ImageEntry, type Kustomization } from "./kustomization.ts";
import { folderOf, indexKustomizations, type KustomizeIndex, type TreeFault } from "./kustomize-index.ts";
import type { DeclaredContainer, DeclaredWorkload, ManifestFile } from "./manifest.ts";
import { formatWorkloadId, type WorkloadId } from "./workload.ts";

/** The files of a repository as far as an environment can reach them. */
export interface TreeInput {
  readonly files: ReadonlyMap<string, ManifestFile>;
  /** Whether the environment may change a file. */
  readonly inScope: (path: string) => boolean;
  /** Whether an `images:` entry may be added where none decides. */
  readonly addImages: boolean;
  /** Whether each kustomization is an environment of its own, so that its copies need not agree with others'. */
  readonly apart?: boolean;
}

/** Where an edit of an image has to go. */
export type ImageSite =
  | {
      readonly kind: "workload";
      readonly path: string;
      /** As the file itself declares it. */
      readonly id: WorkloadId;
      readonly container: string;
      /** The image that stands there. */
      readonly image: string;
    }
  | { readonly kind: "entry"; readonly path: string; readonly name: string; readonly isNew: boolean };

/** One workload as an environment has it: as its file declares it, after what kustomize does to it. */
export interface TreeWorkload {
  /** Its own file. */
  readonly path: string;
  /** As its own file declares it. */
  readonly own: WorkloadId;
  readonly declared: DeclaredWorkload;
  /** Container → where its image is decided; absent when it cannot be edited. */
  readonly sites: ReadonlyMap<string, ImageSite>;
  /** Why Slipway cannot say what it looks like in the cluster; absent when it can. */
  readonly unrendered?: string;
  /** The kustomization it is built by. */
  readonly root?: string;
}

export interface TreeDeclarations {
  readonly workloads: readonly TreeWorkload[];
  readonly faults: readonly TreeFault[];
}

/**
 * What a repository declares for an environment: the workloads of plain files, and those that the
 * kustomizations in scope build, each with its namespace, its images and where those are decided.
 */
export function declareTree(input: TreeInput): TreeDeclarations {
  const index = indexKustomizations(input);
  const plain = [...input.files].flatMap(([path, file]) =>
    input.inScope(path) && !index.used.has(path)
      ? file.workloads.map((found) => plainWorkload(path, found))
      : [],
  );
  const built = index.roots.flatMap((root) =>
    build(index, root, { items: [], depth: 0 }).map((item) => finish(item, { input, index, root })),
  );
  return {
    workloads: [...plain, ...(input.apart === true ? built : mergeCopies(built))],
    faults: index.faults,
  };
}

/** A workload on its way through kustomizations, from its file outwards. */
interface Item {
  readonly path: string;
  readonly own: DeclaredWorkload;
  readonly id: WorkloadId;
  readonly images: ReadonlyMap<string, ItemImage>;
  readonly unrendered: readonly string[];
}

interface ItemImage {
  readonly text: string;
  readonly site: ImageSite | undefined;
  readonly line: number;
  readonly reason?: string | undefined;
  /** A patch we do not follow speaks of an image: perhaps of this one. */
  readonly opaque?: boolean;
  /** The outermost entry that matched, with its file. */
  readonly matched?: { readonly path: string; readonly entry: ImageEntry };
}

const deepest = 32;

/** Kustomize's order: resources, then components on all of them, then what the kustomization itself does. */
function build(
  index: KustomizeIndex,
  path: string,
  o: { readonly items: readonly Item[]; readonly depth: number },
): readonly Item[] {
  if (o.depth > deepest) return o.items;
  const depth = o.depth + 1;
  const { resources = [], components = [] } = index.links.get(path) ?? {};
  const own = resources.flatMap((resource) =>
    index.kustomizations.has(resource)
      ? build(index, resource, { items: [], depth })
      : itemsOf(resource, index.files.get(resource)),
  );
  const all = components.reduce(
    (items: readonly Item[], component) => build(index, component, { items, depth }),
    [...o.items, ...own],
  );
  return through(index, path, all);
}

function itemsOf(path: string, file: ManifestFile | undefined): readonly Item[] {
  return (file?.workloads ?? []).map((own) => ({
    path,
    own,
    id: own.id,
    images: new Map(own.containers.map((container) => [container.name, ownImage(path, own, container)])),
    unrendered: [],
  }));
}

function ownImage(path: string, own: DeclaredWorkload, container: DeclaredContainer): ItemImage {
  const { name, image, line, editable, reason } = container;
  const site = { kind: "workload", path, id: own.id, container: name, image } as const;
  return { text: image, line, site: editable ? site : undefined, reason };
}

/** What one kustomization does to what it was given: patches, then names, then images, as kustomize orders them. */
function through(index: KustomizeIndex, path: string, items: readonly Item[]): readonly Item[] {
  const kustomization = index.kustomizations.get(path);
  if (kustomization === undefined) return items;
  const patched = items.map((item) => patch(index, { path, kustomization }, item));
  const entries = entriesByName(kustomization.images);
  return patched.map((item) => ({
    ...item,
    id: renamed(item.id, kustomization),
    images: new Map(
      [...item.images].map(([name, image]) => [name, throughEntries(image, { path, entries, item, name })]),
    ),
  }));
}

interface Step {
  readonly path: string;
  readonly kustomization: Kustomization;
}

function patch(index: KustomizeIndex, { path, kustomization }: Step, item: Item): Item {
  const { unfollowed, prefix, suffix, patchesImages, patchFiles } = kustomization;
  const fields = [
    ...unfollowed,
    ...(prefix === undefined ? [] : ["namePrefix"]),
    ...(suffix === undefined ? [] : ["nameSuffix"]),
    ...(kustomization.images.some((entry) => entry.tagSuffix !== undefined) ? ["images.tagSuffix"] : []),
  ];
  const unrendered =
    fields.length === 0 ? item.unrendered : [...item.unrendered, `${fields.join(", ")} of ${path}`];
  const files = patchFiles.map((file) => index.resolveFile(path, file));
  const images = new Map(item.images);
  for (const [name, image] of item.images) {
    const opaque =
      patchesImages ||
      files.some((file) => file === undefined || index.files.get(file)?.patchesImage === true);
    if (opaque) images.set(name, { ...image, site: undefined, reason: `patched in ${path}`, opaque: true });
    for (const file of files) {
      const over = file === undefined ? undefined : patchedImage(index.files.get(file), item, name);
      if (file !== undefined && over !== undefined) images.set(name, { ...over, site: siteIn(file, over) });
    }
  }
  return { ...item, unrendered, images };
}

interface PatchedImage extends ItemImage {
  readonly id: WorkloadId;
  readonly container: string;
  readonly editable: boolean;
}

/** A strategic merge patch names the workload by kind and name, and its container by name. */
function patchedImage(file: ManifestFile | undefined, item: Item, name: string): PatchedImage | undefined {
  const same = file?.workloads.find(({ id }) => id.kind === item.own.id.kind && id.name === item.own.id.name);
  const container = same?.containers.find((one) => one.name === name);
  if (same === undefined || container === undefined) return undefined;
  const { image: text, line, editable, reason } = container;
  return { id: same.id, container: name, text, line, editable, reason, site: undefined };
}

function siteIn(path: string, { id, container, text, editable }: PatchedImage): ImageSite | undefined {
  return editable ? { kind: "workload", path, id, container, image: text } : undefined;
}

function renamed(id: WorkloadId, { namespace, prefix = "", suffix = "" }: Kustomization): WorkloadId {
  return { namespace: namespace ?? id.namespace, kind: id.kind, name: `${prefix}${id.name}${suffix}` };
}

function throughEntries(
  image: ItemImage,
  step: {
    readonly path: string;
    readonly entries: EntriesByName;
    readonly item: Item;
    readonly name: string;
  },
): ItemImage {
  // Kustomize looks into the lists of a pod spec and nowhere else.
  const container = step.item.own.containers.find((one) => one.name === step.name);
  if (step.item.own.kind === "HelmRelease" || container?.marked === true) return image;
  let seen = image;
  // Entries work in their order; one that renames the image makes later ones of its new name count.
  for (let next = 0; ;) {
    const { name } = splitKustomizeImage(seen.text);
    const found = step.entries.get(name)?.find(({ index }) => index >= next);
    if (found === undefined) return seen;
    seen = throughEntry(seen, step.path, found.entry);
    next = found.index + 1;
  }
}

type EntriesByName = ReadonlyMap<string, readonly { readonly entry: ImageEntry; readonly index: number }[]>;

function entriesByName(images: readonly ImageEntry[]): EntriesByName {
  const placed = images.map((entry, index) => ({ entry, index }));
  return groupBy(placed, ({ entry }) => entry.name);
}

function throughEntry(image: ItemImage, path: string, entry: ImageEntry): ItemImage {
  const text = applyEntry(image.text, entry);
  if (text === undefined) return image;
  const matched = { path, entry };
  if (entry.newTag === undefined && entry.digest === undefined) return { ...image, text, matched };
  const site: ImageSite | undefined =
    entry.reason === undefined ? { kind: "entry", path, name: entry.name, isNew: false } : undefined;
  return { text, site, line: entry.line, reason: entry.reason, matched };
}

interface Finish {
  readonly input: TreeInput;
  readonly index: KustomizeIndex;
  readonly root: string;
}

function finish(item: Item, by: Finish): TreeWorkload {
  const sites = new Map<string, ImageSite>();
  const containers = item.own.containers.map((container): DeclaredContainer => {
    const image = item.images.get(container.name);
    if (image === undefined) return container;
    const decided = decide(image, item, by);
    const { reason: _, ...rest } = container;
    const shown = { ...rest, image: image.text, line: image.line };
    if (typeof decided === "string") return { ...shown, editable: false, reason: decided };
    sites.set(container.name, decided);
    return { ...shown, editable: true };
  });
  const { unrendered } = item;
  return {
    path: item.path,
    own: item.own.id,
    declared: { ...item.own, id: item.id, containers, namespaceDeclared: true },
    sites,
    ...(unrendered.length === 0 ? {} : { unrendered: unrendered.join("; ") }),
    root: by.root,
  };
}

/** The environment's own entry; else its own file; else an entry that may be added; else why not. */
function decide(image: ItemImage, item: Item, by: Finish): ImageSite | string {
  const { input, root } = by;
  const { site, matched } = image;
  if (site !== undefined && input.inScope(site.path)) return site;
  if (image.opaque === true) return image.reason ?? "patched";
  if (matched !== undefined && input.inScope(matched.path) && matched.entry.reason === undefined) {
    return { kind: "entry", path: matched.path, name: matched.entry.name, isNew: false };
  }
  if (input.addImages) {
    return { kind: "entry", path: root, name: splitKustomizeImage(image.text).name, isNew: true };
  }
  if (site === undefined) return image.reason ?? "not-editable";
  const others = by.index
    .reaching(site.path)
    .filter((path) => path !== root)
    .map(folderOf);
  const reach = others.length === 0 ? "" : `, which ${others.join(", ")} would follow, too`;
  return `DECLARED_OUTSIDE_PATHS: decided in ${site.path}${reach}; allow kustomize.addImages, or add an images entry to ${root}`;
}

/** A workload as its own file has it. */
export function plainWorkload(path: string, declared: DeclaredWorkload): TreeWorkload {
  const sites = new Map<string, ImageSite>();
  for (const { name: container, image, editable } of declared.containers) {
    if (editable) sites.set(container, { kind: "workload", path, id: declared.id, container, image });
  }
  return { path, own: declared.id, declared, sites };
}

/**
 * Copies of one workload that several kustomizations build are one, as long as they agree on where its
 * images are decided; else nobody can say which of them the cluster has.
 */
function mergeCopies(built: readonly TreeWorkload[]): readonly TreeWorkload[] {
  const groups = groupBy(
    built,
    (one) => `${formatWorkloadId(one.declared.id)} ${one.path} ${one.declared.document}`,
  );
  return [...groups.values()].flatMap(([first, ...copies]) => {
    if (first === undefined) return [];
    const differing = copies.filter((copy) => !isSameCopy(first, copy));
    if (differing.length === 0) return [first];
    const roots = [first, ...differing].flatMap(({ root }) => root ?? []).join(" and ");
    const reason = `built differently by ${roots}`;
    const containers = first.declared.containers.map((one) => ({ ...one, editable: false, reason }));
    return [{ ...first, declared: { ...first.declared, containers }, sites: new Map(), unrendered: reason }];
  });
}

function isSameCopy(a: TreeWorkload, b: TreeWorkload): boolean {
  const facts = ({ declared, sites, unrendered }: TreeWorkload) =>
    JSON.stringify([declared.containers, [...sites], unrendered ?? ""]);
  return facts(a) === facts(b);
}
