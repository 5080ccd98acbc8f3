import { AsyncLocalStorage } from "node:async_hooks";

/** What the running call is about: on every log line of it, and handed on to whoever is asked for it. */
export interface CurrentWork {
  /** Given by a client or made at the edge. */
  readonly requestId?: string;
  readonly job?: string;
  /** Where its trace goes on, in the spelling of W3C's header. */
  readonly traceParent?: string;
}

const current = new AsyncLocalStorage<CurrentWork>();

export function currentWork(): CurrentWork {
  return current.getStore() ?? {};
}

/** Runs the work, and all that follows from it, as part of this; what is not told anew stays as it was. */
export function withWork<T>(change: CurrentWork, work: () => T): T {
  return current.run({ ...currentWork(), ...change }, work);
}

/** From here on, what this call does is part of this and of nothing else. */
export function enterWork(work: CurrentWork): void {
  current.enterWith(work);
}

/** A row of a job, as far as it says what its work is part of. */
export interface JobMarks {
  readonly id: string;
  readonly request_id: string | null;
  readonly trace_parent: string | null;
}

/** Runs what is done for one job; its log lines name it, and the request that began it. */
export function withJob<T>(job: JobMarks, work: () => T): T {
  return current.run(
    {
      job: job.id,
      ...(job.request_id !== null && { requestId: job.request_id }),
      ...(job.trace_parent !== null && { traceParent: job.trace_parent }),
    },
    work,
  );
}

/** As `withJob` where the work is for one job alone; of several no line names one. */
export function withOnlyJob<T>(jobs: readonly JobMarks[], work: () => T): T {
  const [only, ...others] = jobs;
  return only === undefined || others.length > 0 ? work() : withJob(only, work);
}
