import type { HistoryEntry } from "#common/contracts/http.ts";

import { changeText } from "./change.ts";
import { shortCommit, shortJob } from "./names.ts";
import type { ShownStyle } from "../session.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

/** What ran when, newest first: one row per container that a job changed. */
export function historyLines(
  entries: readonly HistoryEntry[],
  style: Omit<ShownStyle, "columns"> & Partial<ShownStyle>,
): readonly string[] {
  const heading = ["WHEN", "CONTAINER", "CHANGE", "JOB", "OUTCOME", "COMMIT", "BY", "MESSAGE"];
  const rows = entries.flatMap((entry) => rowsOf(entry, style.wide));
  return tableLines(style.headers ? [heading, ...rows] : rows, style.columns);
}

function rowsOf(entry: HistoryEntry, wide: boolean): readonly (readonly string[])[] {
  const { job, commit, requestedBy, message } = entry;
  const own = [
    wide ? job : shortJob(job),
    outcomeOf(entry),
    wide ? commit : shortCommit(commit),
    requestedBy,
    message ?? "",
  ];
  const change = (one: HistoryEntry["containers"][number]) => changeText(one, wide ? "full" : "short");
  const [first, ...others] = entry.containers;
  const when = shortDate(entry.finishedAt ?? entry.createdAt);
  return [
    [when, first?.container ?? "", first === undefined ? "" : change(first), ...own],
    ...others.map((one) => ["", one.container, change(one)]),
  ];
}

/** "release succeeded", "rollback of 0c1d8e11 succeeded", "release failed, undone by b07d5e22". */
function outcomeOf({ kind, phase, outcome, rollback }: HistoryEntry): string {
  const what = rollback.of === null ? kind : `${kind} of ${shortJob(rollback.of)}`;
  const undone = rollback.by === null ? "" : `, undone by ${shortJob(rollback.by)}`;
  return `${what} ${outcome ?? phase}${undone}`;
}
