import { expect, test } from "vitest";
import { readinessOf } from "#common/kit/health.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import { clusterDependencies, exposeWatches } from "./watch-metrics.ts";

type Watch = Parameters<typeof exposeWatches>[1][number];

function watchOf(environment: string, view: { ageMs: bigint; complete: boolean; problem: string }): Watch {
  return { environment, all: () => [], view: () => ({ ...view, nodes: undefined }) };
}

const watches = [
  watchOf("seen", { ageMs: 1_500n, complete: true, problem: "" }),
  watchOf("new", { ageMs: 9_007_199_254_740_991n, complete: false, problem: "not connected yet" }),
];

test("shows the age of each view when it is asked, and a view that never was as very old", async () => {
  const metrics = createMetrics({ service: "cluster-watcher", process: false });
  exposeWatches(metrics, watches);
  const page = (await metrics.text()).replaceAll(',service="cluster-watcher"', "");
  expect(page).toContain('slipway_watch_age_seconds{environment="seen"} 1.5');
  expect(page).toContain('slipway_watch_age_seconds{environment="new"} 1000000000');
  expect(page).toContain('slipway_watch_complete{environment="new"} 0');
});

test("is ready without a cluster, and names it", async () => {
  expect(await readinessOf(clusterDependencies(watches))).toEqual({
    ready: true,
    failing: [],
    dependencies: { "cluster of seen": "ok", "cluster of new": "CLUSTER_UNAVAILABLE" },
  });
});
