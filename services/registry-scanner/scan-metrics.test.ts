import { expect, test } from "vitest";
import { createMetrics } from "#common/kit/metrics.ts";
import { createScanCounts } from "./scan-metrics.ts";

test("what no longer is falls to nothing on the page that Prometheus reads", async () => {
  const metrics = createMetrics({ service: "registry-scanner", process: false });
  const counts = createScanCounts(metrics);
  const byReason = new Map([
    ["quiet", 11],
    ["changed", 3],
  ]);
  counts.summary({ byReason, lateMs: 2_500, oldestMs: 90_000, leftAlone: ["a.example"] });
  counts.summary({ byReason: new Map([["quiet", 14]]), lateMs: 0, oldestMs: 0, leftAlone: [] });
  counts.scanned("a.example", "nothing-new");
  counts.taken({ host: "a.example" }, 5);
  const lines = (await metrics.text()).replaceAll(',service="registry-scanner"', "").split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'slipway_scan_repositories{reason="quiet"} 14',
      'slipway_scan_repositories{reason="changed"} 0',
      'slipway_registry_left_alone{host="a.example"} 0',
      'slipway_scans_total{host="a.example",outcome="nothing-new"} 1',
      'slipway_registry_requests_total{host="a.example"} 5',
      'slipway_scan_late_seconds{service="registry-scanner"} 0',
    ]),
  );
});
