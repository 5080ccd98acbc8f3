import { expect, test } from "vitest";

import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

import { createListing } from "./listing.ts";

const workload = (name: string, more: Partial<Workload> = {}) => ({ id: name, name, ...more }) as Workload;
const age = { clusterMs: 100, gitMs: 100, imagesMs: 100 } as WorkloadPage["age"];
const web = workload("web");
const page = { workloads: [web, workload("api")], age, next: null };

test("writes pages as JSON would", () => {
  const listing = createListing();
  for (const one of [page, { ...page, workloads: [], next: "x" }]) {
    expect(listing.json(one)).toBe(JSON.stringify(one));
  }
});

test("the ETag follows content, order and place, not how the objects came about", () => {
  const listing = createListing();
  const etag = listing.etag(page);
  expect(createListing().etag({ ...page, workloads: [workload("web"), workload("api")] })).toBe(etag);
  const others = [
    { ...page, workloads: page.workloads.toReversed() },
    { ...page, workloads: [web] },
    { ...page, workloads: [workload("web", { drift: true }), workload("api")] },
    { ...page, next: "more" },
    { ...page, age: { ...age, clusterProblem: "away" } },
  ];
  expect(new Set([etag, ...others.map((one) => listing.etag(one))]).size).toBe(others.length + 1);
});

test("small steps of age leave the ETag, large ones do not", () => {
  const listing = createListing();
  const at = (more: Partial<WorkloadPage["age"]>) => listing.etag({ ...page, age: { ...age, ...more } });
  expect(at({ clusterMs: 900, gitMs: 5_000, imagesMs: 2_000 })).toBe(at({}));
  expect(at({ clusterMs: 10_001 })).not.toBe(at({}));
  expect(at({ gitMs: 60_001 })).not.toBe(at({}));
  expect(at({ clusterMs: null })).not.toBe(at({}));
});
