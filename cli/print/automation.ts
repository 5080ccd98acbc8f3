import type { EnvironmentAutomation } from "#common/contracts/automation-http.ts";

import { changeText } from "./change.ts";
import { shortWorkload } from "./names.ts";
import { safe } from "./safe.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

/** What moves, then what waits; the head says whether it is so or would be. */
export function automationLines(
  told: EnvironmentAutomation,
  style: { readonly headers: boolean },
): readonly string[] {
  const { moves, waits } = told;
  const moving = moves.map(({ workload, container, from, to, filter, group }) => [
    shortWorkload(workload),
    container,
    changeText({ from, to }, "short"),
    filter ?? "",
    group ?? "",
  ]);
  const waiting = waits.map(({ workload, container, to, reason, detail, until }) => [
    shortWorkload(workload),
    container ?? "",
    to ?? "",
    `${reason}${detail === null ? "" : `: ${detail}`}${until === null ? "" : `, until ${shortDate(until)}`}`,
  ]);
  return [
    safe(headOf(told)),
    ...part(["WORKLOAD", "CONTAINER", "CHANGE", "FILTER", "GROUP"], moving, style),
    ...(waiting.length > 0 && moving.length > 0 ? [""] : []),
    ...part(["WORKLOAD", "CONTAINER", "NEWER", "WAITS FOR"], waiting, style),
  ];
}

function headOf({ environment, automation, automated, moves }: EnvironmentAutomation): string {
  const count = `${moves.length} ${moves.length === 1 ? "container" : "containers"}`;
  const of = `of ${automated} automated ${automated === 1 ? "workload" : "workloads"}`;
  return automation === "on"
    ? `automation is on in ${environment}: ${count} ${of} move now`
    : `automation is off in ${environment}: turned on, ${count} ${of} would move at once`;
}

function part(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  { headers }: { readonly headers: boolean },
): readonly string[] {
  if (rows.length === 0) return [];
  return tableLines(headers ? [heading, ...rows] : rows);
}
