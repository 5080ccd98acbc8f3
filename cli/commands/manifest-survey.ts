import { resolve } from "node:path";

import { groupBy } from "#common/domain/group-by.ts";
import { declareTree, plainWorkload } from "#common/domain/kustomize-tree.ts";
import type { TreeWorkload } from "#common/domain/kustomize-tree.ts";
import { readManifest } from "#common/domain/manifest.ts";
import type { DeclaredWorkload, ManifestFault, ManifestFile } from "#common/domain/manifest.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";

import type { ListedContainer } from "../print/manifests.ts";

import type { ReadFile } from "./manifest-files.ts";

/** Something that is wrong in a file. */
export interface Finding {
  readonly rule: "unreadable" | "broken" | "duplicate" | "policy" | "not-editable";
  readonly file: string;
  readonly line?: number | undefined;
  readonly message: string;
}

export interface Survey {
  readonly containers: readonly ListedContainer[];
  /** What could not be read at all. */
  readonly faults: readonly Finding[];
  /** What is wrong with what could be read. */
  readonly findings: readonly Finding[];
}

/** What a set of files declares, kustomizations followed, and everything that is wrong with it. */
export function surveyFiles(
  files: readonly ReadFile[],
  o: { readonly cwd: string; readonly defaultNamespace: string },
): Survey {
  const names = new Map(files.map((file) => [resolve(o.cwd, file.path), file.path]));
  const shown = (place: string) => names.get(place) ?? place;
  const read = new Map(
    files.flatMap((file) =>
      "text" in file ? [[resolve(o.cwd, file.path), readManifest(file.text, o)] as const] : [],
    ),
  );
  const tree = declareTree({ files: read, inScope: () => true, addImages: false, apart: true });
  const workloads = [...tree.workloads, ...leftOver(read, tree.workloads)];
  return {
    containers: workloads.flatMap((workload) => listed(workload, shown)),
    faults: inOrder([
      ...files.flatMap((file) => ("fault" in file ? [unreadable(file)] : [])),
      ...[...read].flatMap(([place, { faults }]) =>
        faults.map((fault) => found("broken", shown(place), fault)),
      ),
      ...tree.faults.map(({ path, message }) => found("broken", shown(path), { message })),
    ]),
    findings: [...duplicates(tree.workloads, shown), ...workloads.flatMap((one) => flaws(one, shown))],
  };
}

/** What no kustomization builds: components nobody uses, say. */
function leftOver(
  read: ReadonlyMap<string, ManifestFile>,
  built: readonly TreeWorkload[],
): readonly TreeWorkload[] {
  const known = new Set(
    built.flatMap(({ path, sites }) => [path, ...[...sites.values()].map((site) => site.path)]),
  );
  return [...read].flatMap(([place, file]) =>
    known.has(place) ? [] : file.workloads.map((workload) => plainWorkload(place, workload)),
  );
}

/** By file and line. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => {
    if (a.file !== b.file) return a.file < b.file ? -1 : 1;
    return (a.line ?? 0) - (b.line ?? 0);
  });
}

function listed(workload: TreeWorkload, shown: (place: string) => string): readonly ListedContainer[] {
  const { declared, sites, path } = workload;
  const policies = policyTexts(declared);
  return declared.containers.map((container) => {
    const decided = sites.get(container.name)?.path ?? path;
    const own = decided === path ? {} : { declaredIn: shown(path) };
    return {
      workload: formatWorkloadId(declared.id),
      container: container.name,
      image: container.image,
      file: shown(decided),
      ...own,
      document: decided === path ? declared.document : 1,
      line: container.line,
      editable: container.editable,
      ...(container.reason === undefined ? {} : { reason: container.reason }),
      policies,
    };
  });
}

/** Policies as `set-policy` writes them. */
function policyTexts({ policies: { written = {} } }: DeclaredWorkload): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(written).map(([key, { value }]) => [key, value]));
}

function duplicates(
  workloads: readonly TreeWorkload[],
  shown: (place: string) => string,
): readonly Finding[] {
  const groups = groupBy(workloads, ({ declared }) => formatWorkloadId(declared.id));
  return [...groups].flatMap(([id, copies]) => {
    // Kustomizations may build one workload of one file several times.
    const group = [...new Map(copies.map((one) => [`${one.path}:${one.declared.line}`, one])).values()];
    if (group.length < 2) return [];
    const places = group.map(({ path, declared }) => `${shown(path)}:${declared.line}`);
    return group.map(({ path, declared }, at): Finding => {
      const others = places.filter((_, index) => index !== at).join(" and ");
      const message = `${id} is declared here and in ${others}`;
      return { rule: "duplicate", file: shown(path), line: declared.line, message };
    });
  });
}

function flaws(
  { path: place, declared: workload }: TreeWorkload,
  shown: (place: string) => string,
): readonly Finding[] {
  const id = formatWorkloadId(workload.id);
  const path = shown(place);
  const policies = (workload.policyFaults ?? []).map((fault) => found("policy", path, fault));
  const images = workload.containers
    .filter((container) => !container.editable)
    .map((container): Finding => ({
      rule: "not-editable",
      file: path,
      line: container.line,
      message: `the image of ${container.name} in ${id} cannot be edited: ${container.reason ?? "unknown"}`,
    }));
  return [...policies, ...images];
}

function found(rule: Finding["rule"], file: string, fault: ManifestFault): Finding {
  return { rule, file, line: fault.line, message: fault.message };
}

function unreadable(file: { readonly path: string; readonly fault: string }): Finding {
  return { rule: "unreadable", file: file.path, message: file.fault };
}
