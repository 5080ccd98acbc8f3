import { SlipwayError } from "#common/domain/errors.ts";
import type { Dependency } from "#common/kit/health.ts";
import type { Metrics } from "#common/kit/metrics.ts";
import type { EnvironmentWatch } from "./watch-environment.ts";

type Watch = Pick<EnvironmentWatch, "environment" | "view" | "all">;

/** A cluster that was never seen is as old as this: a page cannot show an endless age as a number to compare. */
const neverSeenSeconds = 1_000_000_000;

/** Shows how old the views are, and what they hold. */
export function exposeWatches(metrics: Metrics, watches: readonly Watch[]): void {
  const labels = ["environment"];
  const age = metrics.gauge({
    name: "watch_age_seconds",
    help: "Age of the view of an environment's cluster; a thousand million when it was never seen.",
    labels,
  });
  const complete = metrics.gauge({
    name: "watch_complete",
    help: "1 while everything that is to be watched is seen.",
    labels,
  });
  const workloads = metrics.gauge({
    name: "watched_workloads",
    help: "Workloads that are known of an environment's cluster.",
    labels,
  });
  metrics.onScrape("watches", () => {
    for (const watch of watches) {
      const of = { environment: watch.environment };
      const view = watch.view();
      age.set(Math.min(Number(view.ageMs) / 1_000, neverSeenSeconds), of);
      complete.set(view.complete ? 1 : 0, of);
      workloads.set(watch.all().length, of);
    }
  });
}

/** For `/readyz`: whose cluster is not seen. A process that sees none still answers, and tells the age. */
export function clusterDependencies(watches: readonly Watch[]): readonly Dependency[] {
  return watches.map((watch) => ({
    name: `cluster of ${watch.environment}`,
    needed: false,
    check: async () => {
      const { complete, problem } = watch.view();
      if (!complete || problem !== "") throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: problem });
    },
  }));
}
