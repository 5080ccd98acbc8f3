import { coversEnvironment, coversWorkload, entersNamespace } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import type { EventRow } from "#common/store/events.ts";
import { idsWithin } from "#common/store/job-list.ts";

import type { ApiDeps } from "../deps.ts";
import type { LiveChange } from "./environment-feed.ts";

export interface News {
  readonly events: readonly EventRow[];
  readonly changes: readonly LiveChange[];
}

/** Of what happened in an environment, what lies within reach: all feeds are shared, readers are not alike. */
export async function seenNews(
  { store }: Pick<ApiDeps, "store">,
  { environment, sees }: { readonly environment: string; readonly sees: Reach },
  news: News,
): Promise<News> {
  if (coversEnvironment(sees, environment)) return news;
  const jobs = news.events.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]));
  const seen = jobs.length === 0 ? new Set<string>() : await idsWithin(store.db, jobs, sees);
  const isSeen = ({ jobId, kind, data }: EventRow): boolean => {
    if (jobId !== null) return seen.has(jobId);
    const { workload, namespace } = data;
    if (typeof workload === "string") return coversWorkload(sees, { environment, workload });
    if (typeof namespace === "string") return entersNamespace(sees, { environment, namespace });
    // A freeze of everything stops what they see as well; what else comes without a place is not for them.
    return kind.startsWith("freeze.");
  };
  const cut = (change: LiveChange): readonly LiveChange[] => {
    if (change.name !== "workloads") return [change];
    const changed = change.data.changed.filter((workload) => coversWorkload(sees, { environment, workload }));
    return changed.length === 0 && !change.data.more
      ? []
      : [{ ...change, data: { ...change.data, changed } }];
  };
  return { events: news.events.filter(isSeen), changes: news.changes.flatMap(cut) };
}
