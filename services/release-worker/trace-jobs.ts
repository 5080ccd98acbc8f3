import { withJob } from "#common/kit/current-work.ts";
import { traced } from "#common/kit/tracing.ts";
import type { Tracing } from "#common/kit/tracing.ts";
import type { JobRow } from "#common/store/schema.ts";

type Begin = Pick<Tracing, "begin">;
type Traced = Pick<JobRow, "id" | "request_id" | "trace_parent">;

/** Runs what is done for one job as a span of its request's trace; its log lines name the job. */
export function tracedForJob<T>(
  tracing: Begin,
  { job, name }: { readonly job: Traced; readonly name: string },
  work: () => Promise<T>,
): Promise<T> {
  const facts = { "slipway.job": job.id };
  return withJob(job, () => traced(tracing, { name, kind: "internal", facts }, work));
}

/** One act for several jobs: each of their traces has a span of it. */
export async function tracedForAll<T>(
  tracing: Begin,
  { jobs, name }: { readonly jobs: readonly Traced[]; readonly name: string },
  work: () => Promise<T>,
): Promise<T> {
  const spans = jobs.flatMap((job) => {
    if (job.trace_parent === null) return [];
    const facts = { "slipway.job": job.id, "slipway.jobs": jobs.length };
    return tracing.begin({ name, kind: "internal", parent: job.trace_parent, facts }) ?? [];
  });
  try {
    return await work();
  } finally {
    for (const span of spans) span.end();
  }
}

/** The way through the queue, told when it is over: from when the job was due until a worker took it. */
export function traceWait(tracing: Begin, job: Traced & Pick<JobRow, "due_at" | "created_at">): void {
  if (job.trace_parent === null) return;
  const startedAt = job.due_at ?? job.created_at;
  const facts = { "slipway.job": job.id };
  const span = { name: "wait for the lane", kind: "consumer", parent: job.trace_parent, facts } as const;
  tracing.begin({ ...span, startedAt })?.end();
}
