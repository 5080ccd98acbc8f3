import { countEndings } from "#common/kit/job-metrics.ts";
import type { EndingCounts } from "#common/kit/job-metrics.ts";
import type { Progress } from "#common/kit/health.ts";
import type { Metrics } from "#common/kit/metrics.ts";

/** What a worker counts of its work. */
export interface WorkerMetrics {
  readonly manifestParsed: () => void;
  readonly endings: EndingCounts;
  /** How long it had been due when a worker took it. */
  readonly jobTaken: (waitedSeconds: number) => void;
  /** It begins anew, after an error with this code. */
  readonly jobRetried: (code: string) => void;
  /** Shows how long ago the loop turned that looks for work. */
  readonly exposeProgress: (progress: Pick<Progress, "silenceMs">) => void;
  /** `answer` is the host's, as the lane reads it. */
  readonly pushed: (answer: string) => void;
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
  const waits = metrics.histogram({
    name: "job_wait_seconds",
    help: "How long jobs had been due when a worker took them: the wait for their lane.",
  });
  const retries = metrics.counter({
    name: "job_retries_total",
    help: "Jobs that began anew after something failed, by the code of the error.",
    labels: ["code"],
  });
  return {
    manifestParsed: () => parsed.add(),
    endings: countEndings(metrics),
    jobTaken: (waitedSeconds) => waits.observe(waitedSeconds),
    jobRetried: (code) => retries.add({ code }),
    exposeProgress: (progress) => {
      const silence = metrics.gauge({
        name: "worker_silence_seconds",
        help: "How long ago the loop turned that looks for work; at 60 the liveness probe fails.",
      });
      metrics.onScrape("progress", () => silence.set(progress.silenceMs() / 1_000));
    },
    pushed: (answer) => pushes.add({ answer }),
  };
}
