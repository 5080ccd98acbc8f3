import type { Metrics } from "./metrics.ts";

/** Counts jobs that end in this process; most end in workers, those cancelled early in the API. */
export function countEndings(metrics: Metrics): (outcome: string) => void {
  const finished = metrics.counter({
    name: "jobs_finished_total",
    help: "Jobs that ended in this process, by outcome.",
    labels: ["outcome"],
  });
  return (outcome) => finished.add({ outcome });
}
