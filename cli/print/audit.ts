import type { AuditEntry } from "#common/contracts/audit.ts";

import { cutTo, tableLines } from "./table.ts";

const widestReason = 60;
const mostNames = 3;

/** One row per entry; wide adds from where, and what changed to what. */
export function auditLines(
  entries: readonly AuditEntry[],
  style: { readonly headers: boolean; readonly wide: boolean },
): readonly string[] {
  const heading = ["AT", "WHO", "DID", "ABOUT", "JOB", "OUTCOME", "WHY"];
  const rows = entries.map((entry) => {
    const { at, principal, operation, job, outcome, reason } = entry;
    const why = cutTo(reason ?? "", style.wide ? 1_000 : widestReason);
    const when = at.slice(0, 19).replace("T", " ");
    const row = [when, principal, operation, subjectOf(entry), job?.slice(-8) ?? "-", outcome, why];
    return style.wide ? [...row, entry.address ?? "-", changeOf(entry)] : row;
  });
  const full = style.wide ? [...heading, "FROM", "BEFORE -> AFTER"] : heading;
  return tableLines(style.headers ? [full, ...rows] : rows);
}

function subjectOf({ environment, workloads, after, before }: AuditEntry): string {
  if (environment === null) {
    const name = after?.["name"] ?? before?.["name"];
    return typeof name === "string" ? name : "-";
  }
  const names = (workloads ?? []).map((id) => id.replace(/:[^/]*\//, "/"));
  const shown =
    names.length > mostNames ? [...names.slice(0, mostNames), `${names.length - mostNames} more`] : names;
  return shown.length === 0 ? environment : `${environment} ${shown.join(", ")}`;
}

function changeOf({ before, after }: AuditEntry): string {
  if (before === null && after === null) return "-";
  const text = (facts: AuditEntry["before"]): string => (facts === null ? "-" : JSON.stringify(facts));
  return `${text(before)} -> ${text(after)}`;
}
