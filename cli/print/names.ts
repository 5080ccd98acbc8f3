import type { ContainerResult } from "#common/contracts/http.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";

/** The last eight digits: the first eight of a UUIDv7 are the same for a minute. */
export function shortJob(id: string): string {
  return id.replaceAll("-", "").slice(-8);
}

/** Seven digits, as git shows a commit. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

/** `namespace/name` of `namespace:kind/name`; a text of another form stays as it is. */
export function shortWorkload(id: string): string {
  return id.replace(/^([^:/]+):[^:/]+\/([^:/]+)$/, "$1/$2");
}

/** Names as short as they can be without meaning two workloads of the list. */
export function listNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const id of new Set(ids)) counts.set(shortWorkload(id), (counts.get(shortWorkload(id)) ?? 0) + 1);
  return new Map(ids.map((id) => [id, counts.get(shortWorkload(id)) === 1 ? shortWorkload(id) : id]));
}

/** Whether the text names a workload in full: with its namespace. */
export function isQualified(text: string): boolean {
  try {
    parseWorkloadId(text);
    return true;
  } catch {
    // A bare name or none at all: the question was only whether.
    return false;
  }
}

/** What a result is about: what has no containers is told with its kind, since a Service is often named like its pods. */
export function nameOf({
  workload,
  container,
  policy,
}: Pick<ContainerResult, "workload" | "container" | "policy">): string {
  return container === "" && policy === undefined ? workload : shortWorkload(workload);
}
