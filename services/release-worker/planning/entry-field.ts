import type { EntryChange } from "#common/domain/kustomization-edit.ts";

/** How a change of a kustomization's entry is named in a job's record. */
export function entryField({ field, name }: Pick<EntryChange, "field" | "name">): string {
  return `kustomize/${field}/${name}`;
}

/** The entry's change behind a recorded one; undefined for changes of manifests. */
export function parseEntryField(field: string): Pick<EntryChange, "field" | "name"> | undefined {
  const [, part, name] = /^kustomize\/(newTag|digest|entry)\/(.+)$/s.exec(field) ?? [];
  return name === undefined ? undefined : { field: part as EntryChange["field"], name };
}
