import { expect, test } from "vitest";

import { createMetrics } from "./metrics.ts";

test("exposes counters, gauges and histograms with the service's name", async () => {
  const metrics = createMetrics({ service: "api", process: false });
  metrics.counter({ name: "jobs_total", help: "Jobs.", labels: ["kind"] }).add({ kind: "release" });
  metrics.gauge({ name: "due", help: "Due." }).set(3);
  metrics.histogram({ name: "push_seconds", help: "Push.", buckets: [1] }).observe(0.5);
  const text = await metrics.text();
  expect(text).toContain('slipway_jobs_total{kind="release",service="api"} 1');
  expect(text).toContain('slipway_due{service="api"} 3');
  expect(text).toMatch(/slipway_push_seconds_bucket\{.*le="1".*\} 1/);
});

test("a label that takes endless values counts the rest as other", async () => {
  const metrics = createMetrics({ service: "api", process: false });
  const counter = metrics.counter({ name: "hosts_total", help: "Hosts.", labels: ["host"] });
  for (let host = 0; host < 1_000; host += 1) counter.add({ host: `h${host}` });
  const text = await metrics.text();
  expect(text.match(/^slipway_hosts_total\{/gm)).toHaveLength(201);
  expect(text).toContain('host="other",service="api"} 800');
});

test("what is only known by asking is asked when the page is read, and an answer that fails is counted", async () => {
  const metrics = createMetrics({ service: "api", process: false });
  const open = metrics.gauge({ name: "jobs_open", help: "Open.", labels: ["phase"] });
  const answers = [[{ labels: { phase: "queued" }, value: 2 }], [{ labels: { phase: "writing" }, value: 1 }]];
  metrics.onScrape("jobs", async () => open.replace(answers.shift() ?? []));
  metrics.onScrape("pool", () => Promise.reject(new Error("away")));
  expect(await metrics.text()).toContain('slipway_jobs_open{phase="queued",service="api"} 2');
  const second = await metrics.text();
  expect(second).toContain('slipway_jobs_open{phase="writing",service="api"} 1');
  expect(second).not.toContain('phase="queued"');
  expect(second).toContain('slipway_scrape_failures_total{what="pool",service="api"} 2');
});
