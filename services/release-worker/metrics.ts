import { countEndings } from "#common/kit/job-metrics.ts";
import type { Metrics } from "#common/kit/metrics.ts";

/** What a worker counts of its work. */
export interface WorkerMetrics {
  readonly manifestParsed: () => void;
  readonly jobFinished: (outcome: string) => void;
  /** `answer` is the host's, as the lane reads it. */
  readonly pushed: (answer: string) => void;
  /** How long the job that waits longest for a worker has been due. */
  readonly queueAged: (seconds: number) => void;
}

/** The worker's counters on its page of metrics. */
export function createWorkerMetrics(metrics: Metrics): WorkerMetrics {
  const parsed = metrics.counter({
    name: "manifest_parse_total",
    help: "Manifest files parsed: those whose content nobody parsed before, and those about to be edited.",
  });
  const pushes = metrics.counter({
    name: "git_pushes_total",
    help: "Pushes of releases, by the answer of the git host.",
    labels: ["answer"],
  });
  const queueAge = metrics.gauge({
    name: "queue_age_seconds",
    help: "How long the job that waits longest for a worker has been due; of all workers together.",
  });
  return {
    queueAged: (seconds) => queueAge.set(seconds),
    manifestParsed: () => parsed.add(),
    jobFinished: countEndings(metrics),
    pushed: (answer) => pushes.add({ answer }),
  };
}
