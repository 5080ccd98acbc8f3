import type { Workload } from "#common/contracts/http.ts";

/** What the list of workloads may be narrowed to, in the browser. Pure. */

export const filters = [
  "failing",
  "updating",
  "behind",
  "automated",
  "locked",
  "held",
  "drift",
  "not in git",
] as const;
export type Filter = (typeof filters)[number];

export function isFailing({ release }: Pick<Workload, "release">): boolean {
  return release.state === "error";
}

/** Whether a container of it could run a newer image. */
export function isBehind({ containers }: Pick<Workload, "containers">): boolean {
  return containers.some(({ newest }) => newest !== null && newest.behind > 0);
}

export function fits(one: Workload, filter: Filter): boolean {
  switch (filter) {
    case "failing":
      return isFailing(one);
    case "updating":
      return one.release.state === "updating";
    case "behind":
      return isBehind(one);
    case "automated":
      return one.policies.includes("automated");
    case "locked":
      return one.policies.includes("locked");
    case "held":
      return (one.holds ?? []).length > 0 || one.policies.includes("hold");
    case "drift":
      return one.drift;
    case "not in git":
      return one.declared === null;
    default:
      return filter satisfies never;
  }
}

export interface Narrowing {
  readonly text: string;
  readonly filters: readonly Filter[];
  readonly namespace: string;
}

/** All words of the search must be in its name or an image; all filters must fit. */
export function narrow(workloads: readonly Workload[], by: Narrowing): readonly Workload[] {
  const words = by.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0 && by.filters.length === 0 && by.namespace === "") return workloads;
  return workloads.filter(
    (one) =>
      (by.namespace === "" || one.namespace === by.namespace) &&
      by.filters.every((filter) => fits(one, filter)) &&
      (words.length === 0 || mentions(one, words)),
  );
}

function mentions(one: Workload, words: readonly string[]): boolean {
  const text = [one.id, `${one.namespace}/${one.name}`, ...one.containers.map(({ image }) => image)]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** How many fit each filter, for its button. */
export function countFilters(workloads: readonly Workload[]): Readonly<Record<Filter, number>> {
  const counts = Object.fromEntries(filters.map((name) => [name, 0])) as Record<Filter, number>;
  for (const one of workloads) {
    for (const name of filters) if (fits(one, name)) counts[name] += 1;
  }
  return counts;
}
