import type { ContainerResult } from "#common/contracts/http.ts";

import type { FluxContainerUpdate, FluxResult, FluxResultStatus } from "./flux-answers.ts";

/** Why a container was left alone, in fluxd's words where it had them. */
const words: Readonly<Record<string, readonly [FluxResultStatus, string]>> = {
  locked: ["skipped", "locked"],
  ignored: ["skipped", "ignore"],
  excluded: ["skipped", "excluded"],
  held: ["skipped", "held"],
  "different-image": ["ignored", "does not use image(s)"],
  "not-in-cluster": ["skipped", "not accessible in cluster"],
  "not-declared": ["skipped", "not found in repository"],
  "up-to-date": ["skipped", "image(s) up to date"],
  "no-image-data": ["skipped", "cannot find one or more images"],
  "declared-twice": ["failed", "declared in more than one file"],
  "manifest-broken": ["failed", "its manifest does not parse"],
  "not-editable": ["failed", "its image cannot be edited safely"],
  "immutable-kind": ["failed", "its kind cannot be changed in place"],
};

/** The table that fluxctl prints: one entry for each workload, by what became of its containers. */
export function toFluxResults(results: readonly ContainerResult[]): Readonly<Record<string, FluxResult>> {
  const byWorkload = Map.groupBy(results, (result) => result.workload);
  return Object.fromEntries([...byWorkload].map(([workload, of]) => [workload, resultOf(of)]));
}

/** Of a change of policies there is nothing to tell by container. */
export function toFluxPolicyResults(
  results: readonly ContainerResult[],
): Readonly<Record<string, FluxResult>> {
  const byWorkload = Map.groupBy(results, (result) => result.workload);
  return Object.fromEntries([...byWorkload].map(([workload, of]) => [workload, policyResultOf(of)]));
}

function policyResultOf(results: readonly ContainerResult[]): FluxResult {
  const isDone = results.some(({ result }) => result === "change" || result === "changed");
  return isDone ? { Status: "success", PerContainer: null } : { ...resultOf(results), PerContainer: null };
}

function resultOf(results: readonly ContainerResult[]): FluxResult {
  const updates = results.flatMap(updateOf);
  if (updates.length > 0) return { Status: "success", PerContainer: updates };
  const told = results.map(wordsOf);
  const [status, error] = strongest.flatMap((wanted) => told.find(([one]) => one === wanted) ?? []);
  return { Status: (status ?? "unknown") as FluxResultStatus, Error: error ?? "", PerContainer: null };
}

/** Of several containers that were left alone the one that needs a person speaks. */
const strongest: readonly FluxResultStatus[] = ["failed", "skipped", "ignored", "unknown"];

function updateOf({ container, from, to, result }: ContainerResult): readonly FluxContainerUpdate[] {
  if ((result !== "change" && result !== "changed") || to === null) return [];
  return [{ Container: container, Current: from, Target: to }];
}

function wordsOf({ result, reason, detail }: ContainerResult): readonly [FluxResultStatus, string] {
  const [status, text] = words[reason ?? ""] ?? ["skipped", (reason ?? "left alone").replaceAll("-", " ")];
  const told = detail === null || detail === "" ? text : `${text} (${detail})`;
  return [result === "failed" ? "failed" : status, told];
}
