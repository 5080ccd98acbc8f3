import { countGrpc } from "#common/kit/grpc-metrics.ts";
import { exposeExpiry } from "#common/kit/grpc-certificates.ts";
import { exposeSettings } from "#common/kit/live-settings.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import type { Metrics, MetricSpec } from "#common/kit/metrics.ts";
import { exposePool, exposeWork } from "#common/store/store-metrics.ts";
import type { Db } from "#common/store/store.ts";

import { createApiMetrics } from "../services/api/metrics.ts";
import { exposeWatches } from "../services/cluster-watcher/watch-metrics.ts";
import { createScanCounts } from "../services/registry-scanner/scan-metrics.ts";
import { createWorkerMetrics } from "../services/release-worker/metrics.ts";

export interface KnownMetric {
  /** As Prometheus sees it, with the prefix. */
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
}

/** Every metric of our own that any of our processes shows: what their registries are told. */
export function metricCatalogue(): readonly KnownMetric[] {
  const known = new Map<string, KnownMetric>();
  const recording = (): Metrics => {
    const real = createMetrics({ service: "catalogue", process: false });
    const note = (kind: KnownMetric["kind"], { name, labels = [] }: MetricSpec): void =>
      void known.set(name, { name: `slipway_${name}`, kind, labels });
    return {
      ...real,
      counter: (spec) => (note("counter", spec), real.counter(spec)),
      gauge: (spec) => (note("gauge", spec), real.gauge(spec)),
      histogram: (spec) => (note("histogram", spec), real.histogram(spec)),
    };
  };
  const metrics = recording();
  // Nothing is asked of it: registering needs no database.
  const store = { db: {} as Db };
  countGrpc(metrics);
  exposePool(metrics, store);
  exposeWork(metrics, store);
  exposeExpiry(metrics, { expiresAt: () => new Date(0) });
  exposeSettings(metrics);
  createApiMetrics(metrics);
  createScanCounts(metrics);
  exposeWatches(metrics, []);
  createWorkerMetrics(metrics).exposeProgress({ silenceMs: () => 0 });
  // Each page counts by itself what it could not read.
  known.set("scrape_failures_total", {
    name: "slipway_scrape_failures_total",
    kind: "counter",
    labels: ["what"],
  });
  return [...known.values()];
}
