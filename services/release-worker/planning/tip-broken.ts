import type { ManifestFault } from "#common/domain/manifest.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { IndexFault } from "#common/store/schema.ts";
import type { TipFile } from "./tip-view.ts";

/** What the index held before: rows of the files that are broken now, or gone, and the faults of its tip. */
export interface IndexedBefore {
  readonly rows: readonly DeclaredRow[];
  readonly faults: readonly IndexFault[];
}

type Files = ReadonlyMap<string, TipFile>;

/** The files of which something cannot be read. */
export function brokenFiles(files: Files): readonly TipFile[] {
  return [...files.values()].filter((file) => file.manifest.faults.length > 0);
}

/**
 * What broken files declared when it could last be read, each with the fault in its way. A workload that
 * another place declares by now is that place's; one that went while no new fault came was taken out by
 * people. What goes in the same commit as a new fault comes may be either, and stays until that fault goes.
 */
export function lastReadable(files: Files, before: IndexedBefore): readonly DeclaredRow[] {
  const broken = brokenFiles(files);
  if (broken.length === 0 || before.rows.length === 0) return [];
  const declared = new Set([...files.values()].flatMap(({ manifest }) => manifest.workloads.map(idOf)));
  const kept = broken.flatMap((file) => {
    const fresh = freshFaults(file, before.faults);
    return rowsFrom(file, files, before.rows).flatMap((row) => {
      if (declared.has(row.workload)) return [];
      const fault =
        file.manifest.faults.find((one) => one.message === row.fault?.message) ?? nearest(fresh, row);
      if (fault === undefined) return [];
      const { message, line = null } = fault;
      return { ...row, path: file.path, blob_oid: file.oid, fault: { message, line } };
    });
  });
  return [...new Map(kept.map((row) => [`${row.workload} ${row.path}`, row])).values()];
}

function idOf({ id }: TipFile["manifest"]["workloads"][number]): string {
  return formatWorkloadId(id);
}

/** The rows of the file itself, or, where it came by a new name with the same content, of the old name. */
function rowsFrom(file: TipFile, files: Files, rows: readonly DeclaredRow[]): readonly DeclaredRow[] {
  const own = rows.filter((row) => row.path === file.path);
  if (own.length > 0) return own;
  return rows.filter((row) => row.blob_oid === file.oid && !files.has(row.path));
}

/** Faults that the file did not have before, by their words: lines move. */
function freshFaults(file: TipFile, before: readonly IndexFault[]): readonly ManifestFault[] {
  const known = before.filter((fault) => fault.path === file.path).map((fault) => fault.message);
  return file.manifest.faults.filter((fault) => {
    const at = known.indexOf(fault.message);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

/** The fault of the row's own document, else the first: a broken document may swallow the one after it. */
function nearest(faults: readonly ManifestFault[], row: DeclaredRow): ManifestFault | undefined {
  return faults.find((fault) => fault.document === row.document) ?? faults[0];
}
