import { matchesWorkload, type AskedWorkload, type WorkloadId } from "./workload.ts";

/** Everything that is meant by what somebody asked for. */
export type Finder<T> = (asked: AskedWorkload) => readonly T[];

/** Finds by name at once: automation asks for thousands. */
export function finderOf<T extends { readonly id: WorkloadId }>(all: readonly T[]): Finder<T> {
  const byName = Map.groupBy(all, ({ id }) => `${id.namespace}/${id.name}`);
  return (asked) =>
    (byName.get(`${asked.namespace}/${asked.name}`) ?? []).filter(({ id }) => matchesWorkload(id, asked));
}
