import { SlipwayError } from "#common/domain/errors.ts";
import { formatImageRef, parseImageRef, withTag, type ImageRef } from "#common/domain/image-ref.ts";
import { editEntries } from "#common/domain/kustomization-edit.ts";
import type { ImageSite } from "#common/domain/kustomize-tree.ts";
import { editImages, type SourceChange } from "#common/domain/manifest.ts";
import { shortName, type PlannedChange } from "#common/domain/plan.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { RecordedChange } from "#common/store/schema.ts";
import { entryField } from "./entry-field.ts";
import { manifestOptions } from "./tip-files.ts";
import { siteKey, type DeclaredContainerName, type TipView } from "./tip-view.ts";

/** What planned changes make of the files, and which of them could not be made. */
export interface EditedPlan {
  readonly texts: ReadonlyMap<string, string>;
  readonly changes: readonly RecordedChange[];
  /** `changeKey` → why the editor refused it. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Writes each planned image where it is decided; what cannot be written stops nothing else. */
export async function editPlan(view: TipView, changes: readonly PlannedChange[]): Promise<EditedPlan> {
  const edited: Editing = { view, texts: new Map(), changes: [], refused: new Map() };
  const located = changes.flatMap((change) => locate(edited, change));
  const writable = withoutHalves(edited, located);
  const byPath = Map.groupBy(writable, (one) => one.site.path);
  await view.prefetch(byPath.keys());
  for (const [path, group] of byPath) {
    const before = await view.readText(path);
    view.noteParse(path);
    const after = editFile(edited, { path, text: before }, group);
    if (after !== before) edited.texts.set(path, after);
  }
  if (edited.texts.size > 0) proveBuilt(edited, writable);
  return edited;
}

/** Names one planned change. */
export function changeKey(change: Pick<PlannedChange, "workload" | "container" | "path">): string {
  return `${formatWorkloadId(change.workload)} ${change.container} ${change.path}`;
}

interface Editing {
  readonly view: TipView;
  readonly texts: Map<string, string>;
  readonly changes: RecordedChange[];
  readonly refused: Map<string, string>;
}

interface Located {
  readonly change: PlannedChange;
  readonly site: ImageSite;
}

function locate({ view, refused }: Editing, change: PlannedChange): readonly Located[] {
  const site = view.siteOf(nameOf(change));
  if (site !== undefined) return [{ change, site }];
  refused.set(changeKey(change), "not-found: nothing says where its image is decided");
  return [];
}

function nameOf({ workload, container, path }: PlannedChange): DeclaredContainerName {
  return { workload: formatWorkloadId(workload), container, path };
}

/** A value that decides for several containers moves with all of them or not at all. */
function withoutHalves({ view, refused }: Editing, located: readonly Located[]): readonly Located[] {
  const groups = Map.groupBy(located, (one) => siteKey(one.site));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const moving = new Set(group.map(({ change }) => keyOf(nameOf(change))));
    const staying = view.decidedAt(first.site).filter((one) => !moving.has(keyOf(one)));
    const tags = new Set(group.map(({ change }) => tagText(parseImageRef(change.to))));
    if (staying.length === 0 && tags.size === 1) return group;
    const others = staying.map((one) => `${shortName(one.workload)} ${one.container}`).join(", ");
    const why =
      staying.length > 0 ? `also decides ${others}: release them together` : "would need two values";
    for (const { change } of group) refused.set(changeKey(change), `shared: ${first.site.path} ${why}`);
    return [];
  });
}

function keyOf(name: DeclaredContainerName): string {
  return JSON.stringify([name.workload, name.container, name.path]);
}

function tagText({ tag, digest }: ImageRef): string {
  return `${tag ?? ""}@${digest ?? ""}`;
}

/** All changes of a file at once; where the editor refuses one, each by itself, so that the others go on. */
function editFile(
  edited: Editing,
  file: { readonly path: string; readonly text: string },
  group: readonly Located[],
): string {
  const result = writeSites(edited.view, file, group);
  if (result.ok) {
    edited.changes.push(...result.changes);
    return result.text;
  }
  if (group.length > 1) {
    return group.reduce((text, one) => editFile(edited, { path: file.path, text }, [one]), file.text);
  }
  for (const { change } of group) {
    edited.refused.set(changeKey(change), `${result.reason}: ${result.detail}`);
  }
  return file.text;
}

type Written =
  | { readonly ok: true; readonly text: string; readonly changes: readonly RecordedChange[] }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

function writeSites(
  view: TipView,
  file: { readonly path: string; readonly text: string },
  group: readonly Located[],
): Written {
  const { path } = file;
  const own = group.flatMap(({ change, site }) => (site.kind === "workload" ? [{ change, site }] : []));
  const edits = own.map(({ change, site }) => ({
    workload: site.id,
    container: site.container,
    image: imageAt(site.image, change),
  }));
  const images = editImages(file.text, edits, manifestOptions(view.environment, path));
  if (!images.ok) return images;
  const entries = group.flatMap(({ change, site }) => (site.kind === "entry" ? [{ change, site }] : []));
  const bySite = Map.groupBy(entries, (one) => siteKey(one.site));
  const entryEdits = [...bySite.values()].flatMap(([first]) => {
    if (first === undefined) return [];
    const { tag, digest } = parseImageRef(first.change.to);
    return [{ name: first.site.name, tag, digest, isNew: first.site.isNew }];
  });
  const written = entryEdits.length === 0 ? undefined : editEntries(images.text, entryEdits);
  if (written?.ok === false) return written;
  const changes = [
    ...images.changes.flatMap((source) => recordOwn(path, source, own)),
    ...(written?.changes ?? []).flatMap((source, index, all) => {
      const isFirst = all.findIndex((one) => one.name === source.name) === index;
      return entries
        .filter(({ site }) => site.name === source.name)
        .map(({ change }) => ({
          workload: formatWorkloadId(change.workload),
          container: change.container,
          field: entryField(source),
          from: source.from,
          to: source.to,
          ...(isFirst ? { image: { from: change.from, to: change.to } } : {}),
          ...(change.path === path ? {} : { declaredIn: change.path }),
          path,
        }));
    }),
  ];
  return { ok: true, text: written?.text ?? images.text, changes };
}

/** The image in the words of its own file: kustomize may give it another name later. */
function imageAt(text: string, change: PlannedChange): string {
  if (text === change.from) return change.to;
  const { tag, digest } = parseImageRef(change.to);
  const to = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  return formatImageRef(withTag(parseImageRef(text), to));
}

/** One change of a file, for each workload that is built of it. */
function recordOwn(
  path: string,
  source: SourceChange,
  own: readonly { readonly change: PlannedChange; readonly site: ImageSite & { kind: "workload" } }[],
): readonly RecordedChange[] {
  const about = own.filter(
    ({ site }) => formatWorkloadId(site.id) === source.workload && site.container === source.container,
  );
  return about.map(({ change, site }) => {
    const workload = formatWorkloadId(change.workload);
    const renamed = workload === source.workload ? {} : { declaredAs: source.workload };
    const isImage = source.field === "image" || source.image !== undefined;
    const image =
      isImage && site.image !== change.from ? { image: { from: change.from, to: change.to } } : {};
    const elsewhere = change.path === path ? {} : { declaredIn: change.path };
    return { ...source, workload, ...renamed, ...image, ...elsewhere, path };
  });
}

/** What kustomize makes of the edited files is what was planned; anything else is not written. */
function proveBuilt({ view, texts, refused }: Editing, located: readonly Located[]): void {
  if (
    located.every(
      ({ change, site }) =>
        site.kind === "workload" && site.path === change.path && site.image === change.from,
    )
  ) {
    return;
  }
  const after = view.withTexts(texts).declared();
  for (const { change } of located.filter((one) => !refused.has(changeKey(one.change)))) {
    const id = formatWorkloadId(change.workload);
    const found = after.find((fact) => fact.path === change.path && formatWorkloadId(fact.id) === id);
    const image = found?.containers.find((one) => one.name === change.container)?.image;
    if (image === change.to) continue;
    throw new SlipwayError("MANIFEST_NOT_EDITABLE", {
      detail: `${id} ${change.container} would become ${image ?? "nothing"} instead of ${change.to}`,
    });
  }
}
