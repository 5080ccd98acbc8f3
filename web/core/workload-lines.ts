import type { Workload } from "#common/contracts/http.ts";

import { isFailing } from "./filters.ts";

/** The list of workloads as lines of equal height, so that only those in sight need be there. Pure. */

export type WorkloadContainer = Workload["containers"][number];

export type Line =
  | {
      readonly kind: "head";
      readonly key: string;
      readonly title: string;
      readonly count: number;
      readonly bad: boolean;
    }
  | {
      readonly kind: "row";
      readonly key: string;
      readonly workload: Workload;
      /** Absent where nothing runs and nothing is declared. */
      readonly container: WorkloadContainer | undefined;
      /** Its first line tells what belongs to the workload as a whole. */
      readonly first: boolean;
      /** Containers that are not shown, since there are too many to read. */
      readonly hidden: number;
    };

const mostContainers = 4;

/** Failing ones first, then by namespace; one line for each container. */
export function workloadLines(workloads: readonly Workload[]): readonly Line[] {
  const failing = workloads.filter(isFailing);
  const lines: Line[] = [];
  if (failing.length > 0) {
    lines.push({ kind: "head", key: "!failing", title: "Failing", count: failing.length, bad: true });
    for (const one of sorted(failing)) lines.push(...linesOf(one));
  }
  for (const [namespace, group] of byNamespace(workloads.filter((one) => !isFailing(one)))) {
    lines.push({ kind: "head", key: `n/${namespace}`, title: namespace, count: group.length, bad: false });
    for (const one of sorted(group)) lines.push(...linesOf(one));
  }
  return lines;
}

/** Places of the lines that can be chosen: the first of each workload. */
export function stopsOf(lines: readonly Line[]): readonly number[] {
  return lines.flatMap((line, index) => (line.kind === "row" && line.first ? [index] : []));
}

function linesOf(workload: Workload): readonly Line[] {
  const ordered = [...workload.containers].sort((a, b) => Number(a.init) - Number(b.init));
  const shown = ordered.slice(0, mostContainers);
  const hidden = ordered.length - shown.length;
  if (shown.length === 0) {
    return [{ kind: "row", key: workload.id, workload, container: undefined, first: true, hidden: 0 }];
  }
  return shown.map((container, index) => ({
    kind: "row",
    key: index === 0 ? workload.id : `${workload.id}#${container.name}`,
    workload,
    container,
    first: index === 0,
    hidden: index === shown.length - 1 ? hidden : 0,
  }));
}

function byNamespace(workloads: readonly Workload[]): readonly (readonly [string, readonly Workload[]])[] {
  const groups = Map.groupBy(workloads, ({ namespace }) => namespace);
  return [...groups].sort(([a], [b]) => compare(a, b));
}

function sorted(workloads: readonly Workload[]): readonly Workload[] {
  return workloads.toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
}

// Names are ASCII: comparing them by locale would take a second for ten thousand.
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
