import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

import { listNames } from "./names.ts";
import { tableLines } from "./table.ts";
import { durationText } from "./time.ts";

export interface ListStyle {
  /** SERVICE or WORKLOAD: the heading follows the verb that was typed. */
  readonly heading: string;
  readonly headers: boolean;
  readonly wide: boolean;
}

/** One row per container; all but the first leave what belongs to the workload empty. */
export function workloadLines(workloads: readonly Workload[], style: ListStyle): readonly string[] {
  const names = listNames(workloads.map((workload) => workload.id));
  const rows = workloads.flatMap((workload) =>
    rowsOf(workload, names.get(workload.id) ?? workload.id, style),
  );
  const wide = ["KIND", "DECLARED", "OWNER", "FILE", "ENVIRONMENT"];
  const heading = [style.heading, "CONTAINER", "IMAGE", "RELEASE", "POLICY", ...(style.wide ? wide : [])];
  return tableLines(style.headers ? [heading, ...rows] : rows);
}

function rowsOf(workload: Workload, name: string, style: ListStyle): readonly (readonly string[])[] {
  const containers = [...workload.containers].sort((a, b) => Number(a.init) - Number(b.init));
  const first = containers[0];
  const row = [
    name,
    first?.name ?? "",
    first?.image ?? "",
    workload.release.text,
    workload.policies.join(","),
  ];
  const more = containers.slice(1).map((container) => {
    const cells = ["", container.name, container.image, "", ""];
    return style.wide ? [...cells, "", declaredOf(container)] : cells;
  });
  if (!style.wide) return [row, ...more];
  const { kind, owner, declared, environment } = workload;
  const broken = declared?.problem ? " (does not parse)" : "";
  const file = declared === null ? "not in git" : `${declared.file}:${declared.line}${broken}`;
  const by = owner.kind === "none" ? "" : owner.name === "" ? owner.kind : `${owner.kind} ${owner.name}`;
  return [[...row, kind, first === undefined ? "" : declaredOf(first), by, file, environment], ...more];
}

function declaredOf(container: Workload["containers"][number]): string {
  if (container.declaredImage === null) return "";
  return container.declaredImage === container.image ? "same" : container.declaredImage;
}

const maxBrokenNotes = 5;

/** Files of the config repository that cannot be read now, each with what is still listed of it. */
export function brokenNotes(workloads: readonly Workload[]): readonly string[] {
  const kept = workloads.flatMap(({ declared }) =>
    declared?.problem ? [{ file: declared.file, problem: declared.problem }] : [],
  );
  const notes = [...Map.groupBy(kept, ({ file }) => file)].map(([file, group]) => {
    const line = group[0]?.problem.line ?? undefined;
    const where = line === undefined ? "" : `line ${line}: `;
    const many = group.length === 1 ? "1 workload keeps its" : `${group.length} workloads keep their`;
    return `${file} does not parse (${where}${group[0]?.problem.message ?? ""}): ${many} last readable declaration`;
  });
  const more = notes.length - maxBrokenNotes;
  return more > 0 ? [...notes.slice(0, maxBrokenNotes), `${more} more files do not parse`] : notes;
}

/** What a reader must know about how complete and how old a list is; empty when all is well. */
export function ageNotes(age: WorkloadPage["age"]): readonly string[] {
  const notes: string[] = [];
  const old = (ms: number | null) => (ms === null ? "never read" : `as of ${durationText(ms)} ago`);
  if (age.clusterProblem !== null) notes.push(`the cluster, ${old(age.clusterMs)}: ${age.clusterProblem}`);
  else if (!age.clusterComplete) notes.push("the cluster is still being read; the list may not be complete");
  if (age.gitProblem !== null) notes.push(`the config repository, ${old(age.gitMs)}: ${age.gitProblem}`);
  return notes;
}
