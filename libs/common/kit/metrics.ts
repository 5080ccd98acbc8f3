import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Label values of one measurement; names as declared with the metric. */
export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  /** Without the prefix: `jobs_total` is exposed as `slipway_jobs_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface Metrics {
  counter(spec: MetricSpec): { add(labels?: Labels, by?: number): void };
  gauge(spec: MetricSpec): { set(value: number, labels?: Labels): void };
  /** Observes seconds. */
  histogram(spec: MetricSpec & { readonly buckets?: readonly number[] }): {
    observe(seconds: number, labels?: Labels): void;
  };
  /** The page that Prometheus reads. */
  text(): Promise<string>;
  readonly contentType: string;
}

const secondsBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const mostValuesPerLabel = 200;

/** The metrics of one process. A label takes at most 200 values; what comes after counts as "other". */
export function createMetrics(options: { readonly service: string; readonly process?: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.process ?? true) collectDefaultMetrics({ register: registry });
  const base = ({ name, help, labels = [] }: MetricSpec) => ({
    name: `slipway_${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    counter: (spec) => {
      const metric = new Counter(base(spec));
      const bounded = boundLabels();
      return { add: (labels = {}, by = 1) => metric.inc(bounded(labels), by) };
    },
    gauge: (spec) => {
      const metric = new Gauge(base(spec));
      const bounded = boundLabels();
      return { set: (value, labels = {}) => metric.set(bounded(labels), value) };
    },
    histogram: (spec) => {
      const metric = new Histogram({ ...base(spec), buckets: [...(spec.buckets ?? secondsBuckets)] });
      const bounded = boundLabels();
      return { observe: (seconds, labels = {}) => metric.observe(bounded(labels), seconds) };
    },
  };
}

/** Labels come from outside (names of hosts, of environments): unbounded they would eat the memory. */
function boundLabels(): (labels: Labels) => Record<string, string> {
  const seen = new Map<string, Set<string>>();
  return (labels) =>
    Object.fromEntries(
      Object.entries(labels).map(([name, value]) => {
        const values = seen.get(name) ?? new Set<string>();
        seen.set(name, values);
        if (values.size < mostValuesPerLabel) values.add(value);
        return [name, values.has(value) ? value : "other"];
      }),
    );
}
