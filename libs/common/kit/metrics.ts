import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

import { withDeadline } from "./retry.ts";

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
  gauge(spec: MetricSpec): {
    set(value: number, labels?: Labels): void;
    /** All values anew: what is not among them is no longer shown. */
    replace(values: readonly { readonly labels: Labels; readonly value: number }[]): void;
  };
  /** Observes seconds. */
  histogram(spec: MetricSpec & { readonly buckets?: readonly number[] }): {
    observe(seconds: number, labels?: Labels): void;
  };
  /** Called before the page is read, for what is only known by asking; it has two seconds. */
  onScrape(what: string, read: () => void | Promise<void>): void;
  /** The page that Prometheus reads. */
  text(): Promise<string>;
  readonly contentType: string;
}

const secondsBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const mostValuesPerLabel = 200;
const scrapeMs = 2_000;

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
  const reads = new Map<string, () => void | Promise<void>>();
  const unread = new Counter({
    ...base({
      name: "scrape_failures_total",
      help: "What could not be read in time for this page, by what it is.",
      labels: ["what"],
    }),
  });
  const readAll = async (): Promise<void> => {
    const one = async ([what, read]: [string, () => void | Promise<void>]): Promise<void> => {
      try {
        await withDeadline(Promise.resolve(read()), scrapeMs, what);
      } catch {
        // The page says so itself; whoever owns the connection logs why.
        unread.inc({ what });
      }
    };
    await Promise.all([...reads].map(one));
  };
  return {
    contentType: registry.contentType,
    onScrape: (what, read) => void reads.set(what, read),
    text: async () => {
      await readAll();
      return registry.metrics();
    },
    counter: (spec) => {
      const metric = new Counter(base(spec));
      const bounded = boundLabels();
      return { add: (labels = {}, by = 1) => metric.inc(bounded(labels), by) };
    },
    gauge: (spec) => {
      const metric = new Gauge(base(spec));
      const bounded = boundLabels();
      return {
        set: (value, labels = {}) => metric.set(bounded(labels), value),
        replace: (values) => {
          metric.reset();
          for (const { labels, value } of values) metric.set(bounded(labels), value);
        },
      };
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
