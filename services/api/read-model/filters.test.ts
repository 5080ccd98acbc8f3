import { expect, test } from "vitest";

import type { Workload } from "#common/contracts/http.ts";

import { filterWorkloads } from "./filters.ts";
import type { WorkloadFilter } from "./filters.ts";

function workload(name: string, more: Record<string, unknown> = {}): Workload {
  const plain = {
    id: `shop:deployment/${name}`,
    namespace: "shop",
    name,
    containers: [{ image: `acme/${name}:1`, newest: null }],
    release: { state: "ready" },
    labels: { app: name },
    policies: [],
    declared: { file: "a.yaml" },
    drift: false,
  };
  return { ...plain, ...more } as unknown as Workload;
}

const newest = { tag: "2", behind: 1 };
const all = [
  workload("api", { release: { state: "error" }, policies: ["automated", "hold"] }),
  workload("web", { containers: [{ image: "Acme/Web:1", newest }], policies: ["locked"] }),
  workload("job", { declared: null, labels: {}, drift: true }),
  { ...workload("other"), namespace: "default" },
];

const names = (filter: Partial<WorkloadFilter>) =>
  filterWorkloads(all, { labels: [], states: [], ...filter }).map(({ name }) => name);

test("narrows by namespace, text, label and state, each further than the other", () => {
  expect(names({})).toEqual(["api", "web", "job", "other"]);
  expect(names({ namespace: "shop" })).toEqual(["api", "web", "job"]);
  expect(names({ text: "ACME/WEB" })).toEqual(["web"]);
  expect(names({ text: "shop/api" })).toEqual(["api"]);
  expect(names({ labels: ["app"] })).toEqual(["api", "web", "other"]);
  expect(names({ labels: ["app!=web", "app!=api"], namespace: "shop" })).toEqual(["job"]);
  expect(names({ states: ["behind"] })).toEqual(["web"]);
  expect(names({ states: ["failing"] })).toEqual(["api"]);
  expect(names({ states: ["failing", "behind"] })).toEqual([]);
  expect(names({ states: ["not-in-git", "drift"] })).toEqual(["job"]);
  expect(names({ states: ["hold"] })).toEqual(["api"]);
  expect(names({ states: ["locked", "ready"] })).toEqual(["web"]);
});
