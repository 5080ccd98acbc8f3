import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

import { shortVersion } from "./change.ts";
import { listNames } from "./names.ts";
import { tableLines } from "./table.ts";
import { durationText, spanText } from "./time.ts";

export interface ListStyle {
  /** SERVICE or WORKLOAD: the heading follows the verb that was typed. */
  readonly heading: string;
  readonly headers: boolean;
  readonly wide: boolean;
  /** Whether the newest image has columns even in the narrow table. */
  readonly newest?: boolean;
  /** The terminal's width, where there is one: commit ids in images are cut when the table is wider. */
  readonly columns?: number | undefined;
}

/** One row per container; all but the first leave what belongs to the workload empty. */
export function workloadLines(workloads: readonly Workload[], style: ListStyle): readonly string[] {
  const lines = linesOf(workloads, style, (image) => image);
  const { columns } = style;
  if (columns === undefined || lines.every((line) => line.length <= columns)) return lines;
  return linesOf(workloads, style, shortImage);
}

type Shorten = (image: string) => string;

function linesOf(workloads: readonly Workload[], style: ListStyle, shorten: Shorten): readonly string[] {
  const names = listNames(workloads.map((workload) => workload.id));
  const rows = workloads.flatMap((workload) =>
    rowsOf(workload, names.get(workload.id) ?? workload.id, { ...style, shorten }),
  );
  const newest = style.wide || style.newest === true ? ["NEWEST", "BEHIND"] : [];
  const wide = style.wide ? ["KIND", "DECLARED", "OWNER", "DRIFT", "FILE", "ENVIRONMENT"] : [];
  const heading = [style.heading, "CONTAINER", "IMAGE", "RELEASE", "POLICY", ...newest, ...wide];
  return tableLines(style.headers ? [heading, ...rows] : rows);
}

type RowStyle = ListStyle & { readonly shorten: Shorten };

function rowsOf(workload: Workload, name: string, style: RowStyle): readonly (readonly string[])[] {
  const { release } = workload;
  const containers = [...workload.containers].sort((a, b) => Number(a.init) - Number(b.init));
  const [first, ...others] = containers;
  const own = [release.text, policiesText(workload)];
  if (first === undefined) return [[name, "", "", ...own]];
  const about = style.wide ? wideOf(workload) : undefined;
  return [
    [name, first.name, style.shorten(first.image), ...own, ...moreOf(first, style, about)],
    ...others.map((one) => ["", one.name, style.shorten(one.image), "", "", ...moreOf(one, style)]),
  ];
}

/** "automated (off here),locked": automation that its environment has not turned on does nothing. */
function policiesText({ policies, automation }: Workload): string {
  return policies
    .map((one) => (one === "automated" && automation === "off" ? `${one} (off here)` : one))
    .join(",");
}

type Container = Workload["containers"][number];

interface WideCells {
  readonly kind: string;
  readonly rest: readonly string[];
}

function moreOf(container: Container, style: RowStyle, about?: WideCells): readonly string[] {
  const newest = style.wide || style.newest === true ? newestCells(container, style.shorten) : [];
  if (!style.wide) return newest;
  return [...newest, about?.kind ?? "", declaredOf(container), ...(about?.rest ?? [])];
}

function wideOf({ kind, owner, drift, declared, environment }: Workload): WideCells {
  const by = owner.kind === "none" ? "" : owner.name === "" ? owner.kind : `${owner.kind} ${owner.name}`;
  return { kind, rest: [by, drift ? "drift" : "", fileOf(declared), environment] };
}

function fileOf(declared: Workload["declared"]): string {
  if (declared === null) return "not in git";
  return `${declared.file}:${declared.line}${declared.problem === null ? "" : " (does not parse)"}`;
}

function newestCells({ newest, newestReason }: Container, shorten: Shorten): readonly string[] {
  if (newest === null) return [newestReason ?? "", ""];
  if (newest.behind === 0) return [shorten(newest.tag), ""];
  const by = newest.behindMs === null ? "" : ` (${spanText(newest.behindMs)})`;
  return [shorten(newest.tag), `${newest.behind}${by}`];
}

function declaredOf(container: Container): string {
  if (container.declaredImage === null) return "";
  return container.declaredImage === container.image ? "same" : container.declaredImage;
}

/** A commit id or digest at the end is cut; anything a person would choose stays. */
function shortImage(text: string): string {
  const at = Math.max(text.lastIndexOf(":"), text.lastIndexOf("@")) + 1;
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(text)?.[1];
  if (digest !== undefined) return `${text.slice(0, -digest.length)}${shortVersion(digest)}`;
  return `${text.slice(0, at)}${shortVersion(text.slice(at))}`;
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

const maxFaultNotes = 5;

/** Policies that cannot be read, each with its workload: nothing of it moves by itself. */
export function policyNotes(workloads: readonly Workload[]): readonly string[] {
  const names = listNames(workloads.map((workload) => workload.id));
  const notes = workloads.flatMap(({ id, policyFaults = [] }) =>
    policyFaults.map((fault) => `${names.get(id) ?? id}: ${fault}`),
  );
  const more = notes.length - maxFaultNotes;
  return more > 0 ? [...notes.slice(0, maxFaultNotes), `${more} more policies cannot be read`] : notes;
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
