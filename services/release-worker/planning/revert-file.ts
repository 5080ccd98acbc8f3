import { SlipwayError } from "#common/domain/errors.ts";
import { revertEntries } from "#common/domain/kustomization-edit.ts";
import { revertChanges } from "#common/domain/manifest.ts";
import { revertPolicies } from "#common/domain/manifest-policies.ts";
import type { RecordedChange } from "#common/store/schema.ts";
import { parseEntryField } from "./entry-field.ts";
import { annotationOf, isPolicyChange, type PolicyChangeRecord } from "./policy-words.ts";
import { manifestOptions } from "./tip-files.ts";
import type { TipView } from "./tip-view.ts";

export interface RevertedFile {
  readonly text: string;
  readonly reverted: readonly RecordedChange[];
  readonly skipped: readonly RecordedChange[];
}

interface FileText {
  readonly path: string;
  readonly text: string;
  /** A person's word that also what was changed since is replaced. */
  readonly force: boolean;
}

/** Writes back what a job changed in one file, each only where it still is what that job wrote. */
export function revertFile(view: TipView, file: FileText, changes: readonly RecordedChange[]): RevertedFile {
  const policies = changes.filter(isPolicyChange);
  const annotated = revertAnnotations(view, file, policies);
  const own = changes.filter(
    (change) => parseEntryField(change.field) === undefined && !isPolicyChange(change),
  );
  const manifest = revertManifest(view, { ...file, text: annotated.text }, own);
  const entries = changes.filter((change) => parseEntryField(change.field) !== undefined);
  const kustomization = revertKustomization({ ...file, text: manifest.text }, entries);
  return {
    text: kustomization.text,
    reverted: [...annotated.reverted, ...manifest.reverted, ...kustomization.reverted],
    skipped: [...annotated.skipped, ...manifest.skipped, ...kustomization.skipped],
  };
}

function revertAnnotations(
  view: TipView,
  file: FileText,
  changes: readonly PolicyChangeRecord[],
): RevertedFile {
  const asked = changes.map((change) => ({
    ...change.annotation,
    workload: change.declaredAs ?? change.workload,
    annotation: annotationOf(change),
    change,
  }));
  const options = { ...manifestOptions(view.environment, file.path), force: file.force };
  const result = revertPolicies(file.text, asked, options);
  if (!result.ok) throw notEditable(file.path, result.detail);
  return {
    text: result.text,
    // Where it was changed since, it is that which is replaced, and which undoing this brings back.
    reverted: result.reverted.map(({ change, from, to }) => ({
      ...change,
      to: to ?? "",
      annotation: { from, to },
    })),
    skipped: result.skipped.map(({ change }) => change),
  };
}

/** Several workloads may be built of one value: it is written back once, and told for each. */
function revertManifest(view: TipView, file: FileText, changes: readonly RecordedChange[]): RevertedFile {
  const keyOf = (change: RecordedChange) =>
    JSON.stringify([change.declaredAs ?? change.workload, change.container, change.field]);
  const groups = Map.groupBy(changes, keyOf);
  const asked = [...groups.values()].flatMap(([first]) =>
    first === undefined ? [] : [{ ...first, workload: first.declaredAs ?? first.workload }],
  );
  const options = { ...manifestOptions(view.environment, file.path), force: file.force };
  const result = revertChanges(file.text, asked, options);
  if (!result.ok) throw notEditable(file.path, result.detail);
  const all = (one: { readonly workload: string; readonly container: string; readonly field: string }) =>
    groups.get(JSON.stringify([one.workload, one.container, one.field])) ?? [];
  return {
    text: result.text,
    reverted: result.reverted.flatMap((one) => all(one).map((change) => ({ ...change, to: one.to }))),
    skipped: result.skipped.flatMap(({ change }) => all(change)),
  };
}

function revertKustomization(file: FileText, changes: readonly RecordedChange[]): RevertedFile {
  const groups = Map.groupBy(changes, (change) => change.field);
  const asked = [...groups].flatMap(([field, [first]]) => {
    const entry = parseEntryField(field);
    return entry === undefined || first === undefined ? [] : [{ ...entry, from: first.from, to: first.to }];
  });
  if (asked.length === 0) return { text: file.text, reverted: [], skipped: [] };
  const result = revertEntries(file.text, asked, { force: file.force });
  if (!result.ok) throw notEditable(file.path, result.detail);
  const all = (one: { readonly name: string; readonly field: string }) =>
    groups.get(`kustomize/${one.field}/${one.name}`) ?? [];
  return {
    text: result.text,
    reverted: result.changes.flatMap((one) => all(one).map((change) => ({ ...change, to: one.to }))),
    skipped: (result.skipped ?? []).flatMap(all),
  };
}

function notEditable(path: string, detail: string): SlipwayError {
  return new SlipwayError("MANIFEST_NOT_EDITABLE", { detail: `${path}: ${detail}` });
}
