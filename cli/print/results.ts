import type { ContainerResult, FileDiff, Job, Plan } from "#common/contracts/http.ts";

import { changeText } from "./change.ts";
import { nameOf, shortWorkload } from "./names.ts";
import type { Paint } from "./paint.ts";
import { safe, safeBlock } from "./safe.ts";
import { tableLines } from "./table.ts";

const fewSkips = 5;

/** The plan for a person: what would change and why, then what is left alone. */
export function planLines(plan: Plan, style: { readonly wide: boolean }): readonly string[] {
  const changes = plan.results.filter((result) => result.result !== "skip");
  const rows = changes.map((result) => [
    shortWorkload(result.workload),
    result.container,
    changeText(result, "short"),
    [result.detail, fileText(result, plan.diffs)].filter((part) => part !== null && part !== "").join(", "),
  ]);
  if (rows.length === 0) return ["Nothing to do.", ...skipNotes(plan.results, style)];
  return [...tableLines(rows), ...skipNotes(plan.results, style)];
}

/** Containers left alone: each with its reason when they are few, else counted by reason. */
export function skipNotes(
  results: readonly ContainerResult[],
  style: { readonly wide: boolean },
): readonly string[] {
  const skips = results.filter((result) => result.result === "skip");
  if (skips.length <= fewSkips || style.wide) {
    return tableLines(
      skips.map((skip) => [
        nameOf(skip),
        skip.container,
        skip.policy ?? changeText({ from: skip.from, to: null }, "short"),
        `left alone: ${reasonText(skip)}`,
      ]),
    );
  }
  const counts = new Map<string, number>();
  for (const skip of skips) counts.set(skip.reason ?? "", (counts.get(skip.reason ?? "") ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${reason}`);
  return [safe(`${skips.length} containers left alone: ${parts.join(", ")} (-o wide lists them)`)];
}

/** "up-to-date", or with what the server says about it: "locked (until Monday)". */
export function reasonText(result: ContainerResult): string {
  const reason = result.reason ?? result.result;
  return result.detail === null || result.detail === "" ? reason : `${reason} (${result.detail})`;
}

/** What a rollback of this job would write back, as the job itself tells. */
export function undoLines(job: Job): readonly string[] {
  const done = job.results.filter(
    (result) => result.result !== "skip" && (result.to !== null || result.policy !== undefined),
  );
  return tableLines(
    done.map((result) => [
      shortWorkload(result.workload),
      result.container,
      changeText({ ...result, from: result.to ?? "", to: result.from }, "short"),
      result.file ?? "",
    ]),
  );
}

/** Unified diffs, ready for a terminal. */
export function diffLines(diffs: readonly FileDiff[], paint: Paint): readonly string[] {
  return diffs.flatMap((diff) => {
    const lines = safeBlock(diff.unified).replace(/\n$/, "").split("\n");
    // What stands before the file's names ("Index: …", "====") says nothing more.
    const names = lines.findIndex((line) => line.startsWith("--- "));
    const head = names === -1 ? [`--- a/${safe(diff.path)}`, `+++ b/${safe(diff.path)}`] : [];
    return [...head, ...lines.slice(Math.max(0, names))].map((line) => diffLine(line, paint));
  });
}

function diffLine(line: string, paint: Paint): string {
  if (/^(?:---|\+\+\+) /.test(line)) return paint.strong(line);
  if (line.startsWith("+")) return paint.good(line);
  if (line.startsWith("-")) return paint.bad(line);
  return line.startsWith("@@") ? paint.dim(line) : line;
}

function fileText(result: ContainerResult, diffs: readonly FileDiff[]): string | null {
  if (result.file === null) return null;
  const diff = diffs.find((one) => one.path === result.file);
  return diff === undefined ? result.file : `${result.file} +${diff.added} -${diff.removed}`;
}
