import { readManifest } from "#common/domain/manifest.ts";
import type { DeclaredWorkload, ManifestFault } from "#common/domain/manifest.ts";
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

/** What a set of files declares, and everything that is wrong with it. */
export function surveyFiles(files: readonly ReadFile[], o: { readonly defaultNamespace: string }): Survey {
  const read = files.map((file) => {
    if ("fault" in file) return { path: file.path, workloads: [], faults: [unreadable(file)] };
    const manifest = readManifest(file.text, o);
    return {
      path: file.path,
      workloads: manifest.workloads,
      faults: manifest.faults.map((fault) => found("broken", file.path, fault)),
    };
  });
  const declared = read.flatMap(({ path, workloads }) => workloads.map((workload) => ({ path, workload })));
  return {
    containers: declared.flatMap(({ path, workload }) => listed(path, workload)),
    faults: read.flatMap((one) => one.faults),
    findings: [...duplicates(declared), ...declared.flatMap(({ path, workload }) => flaws(path, workload))],
  };
}

interface Declared {
  readonly path: string;
  readonly workload: DeclaredWorkload;
}

function listed(file: string, workload: DeclaredWorkload): readonly ListedContainer[] {
  const policies = policyTexts(workload);
  return workload.containers.map((container) => ({
    workload: formatWorkloadId(workload.id),
    container: container.name,
    image: container.image,
    file,
    document: workload.document,
    line: container.line,
    editable: container.editable,
    ...(container.reason === undefined ? {} : { reason: container.reason }),
    policies,
  }));
}

/** Policies as `set-policy` writes them. */
function policyTexts({ policies }: DeclaredWorkload): Readonly<Record<string, string>> {
  const switches = (["automated", "locked", "ignore"] as const).filter((key) => policies[key]);
  const texts = [
    ...switches.map((key) => [key, "true"]),
    ["locked_msg", policies.lockedMessage],
    ["locked_user", policies.lockedBy],
    ["hold", policies.hold],
    ...Object.entries(policies.tags).map(([container, filter]) => [`tag.${container}`, filter]),
  ];
  return Object.fromEntries(texts.filter((entry) => entry[1] !== undefined)) as Record<string, string>;
}

function duplicates(declared: readonly Declared[]): readonly Finding[] {
  const groups = Map.groupBy(declared, ({ workload }) => formatWorkloadId(workload.id));
  return [...groups].flatMap(([id, group]) => {
    if (group.length < 2) return [];
    const places = group.map(({ path, workload }) => `${path}:${workload.line}`);
    return group.map(({ path, workload }, at): Finding => {
      const others = places.filter((_, index) => index !== at).join(" and ");
      const message = `${id} is declared here and in ${others}`;
      return { rule: "duplicate", file: path, line: workload.line, message };
    });
  });
}

function flaws(path: string, workload: DeclaredWorkload): readonly Finding[] {
  const id = formatWorkloadId(workload.id);
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
