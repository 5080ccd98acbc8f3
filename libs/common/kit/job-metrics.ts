import { stepName } from "#common/domain/step-name.ts";

import type { Metrics } from "./metrics.ts";

/** What is counted of jobs and steps that end in this process. */
export interface EndingCounts {
  jobEnded(job: { readonly kind: string; readonly outcome: string; readonly seconds: number }): void;
  stepEnded(step: { readonly text: string; readonly outcome: string; readonly seconds: number }): void;
}

const longBuckets = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 86_400];

/** Counts what ends in this process; most jobs end in workers, those cancelled early in the API. */
export function countEndings(metrics: Metrics): EndingCounts {
  const finished = metrics.counter({
    name: "jobs_finished_total",
    help: "Jobs that ended in this process, by outcome.",
    labels: ["outcome"],
  });
  const jobs = metrics.histogram({
    name: "job_duration_seconds",
    help: "From a job's acceptance to its end, waits included, by kind.",
    labels: ["kind"],
    buckets: longBuckets,
  });
  const steps = metrics.histogram({
    name: "step_duration_seconds",
    help: "How long steps took that do not end at once, by what they are.",
    labels: ["step"],
    buckets: longBuckets,
  });
  return {
    jobEnded: ({ kind, outcome, seconds }) => {
      finished.add({ outcome });
      jobs.observe(seconds, { kind });
    },
    stepEnded: ({ text, seconds }) => steps.observe(seconds, { step: stepName(text) }),
  };
}
