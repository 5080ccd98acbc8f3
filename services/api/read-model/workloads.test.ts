import { expect, test } from "vitest";

import type { DeclaredRow } from "#common/store/manifests.ts";
import { OwnerKind, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { joinWorkloads } from "./workloads.ts";

const complete = { phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE, desired: 1, updated: 1, available: 1 };

function runs(name: string, images: Readonly<Record<string, string>>) {
  return Workload.fromPartial({
    namespace: "shop",
    kind: "deployment",
    name,
    containers: Object.entries(images).map(([container, image]) => ({ name: container, image })),
    rollout: complete,
    owner: { kind: OwnerKind.OWNER_KIND_FLUX, name: "apps" },
  });
}

function declares(
  name: string,
  images: Readonly<Record<string, string>>,
  path = `${name}.yaml`,
): DeclaredRow {
  return {
    environment: "default",
    workload: `shop:deployment/${name}`,
    path,
    document: 1,
    line: 3,
    blob_oid: "1",
    containers: Object.entries(images).map(([container, image]) => ({
      name: container,
      image,
      init: false,
      editable: true,
      reason: null,
    })),
    policies: { automated: true, locked: true, ignore: true, hold: "broken", tags: {} },
    repositories: [],
  };
}

const base = { environment: "default", complete: true, running: [], declared: [], holds: [] };

test("joins by id and in order of id", () => {
  const joined = joinWorkloads({
    ...base,
    running: [runs("web", { web: "web:1" }), runs("api", { api: "api:1" })],
    declared: [declares("web", { web: "web:1" }), declares("batch", { batch: "batch:1" })],
  });
  expect(joined.map(({ id }) => id)).toEqual([
    "shop:deployment/api",
    "shop:deployment/batch",
    "shop:deployment/web",
  ]);
  expect(joined).toMatchObject([
    { declared: null, policies: [], owner: { kind: "flux", name: "apps" }, release: { text: "ready" } },
    { declared: { file: "batch.yaml", line: 3 }, owner: { kind: "none" }, release: { text: "not running" } },
    { policies: ["automated", "locked", "ignore", "hold"], drift: false },
  ]);
});

test("an injected container is no drift; another image or an absent container is", () => {
  const driftOf = (running: Record<string, string>): boolean | undefined =>
    joinWorkloads({
      ...base,
      running: [runs("web", running)],
      declared: [declares("web", { web: "web:1" })],
    })[0]?.drift;
  expect(driftOf({ web: "web:1", proxy: "envoy:1" })).toBe(false);
  expect(driftOf({ web: "web:2" })).toBe(true);
  expect(driftOf({ proxy: "envoy:1" })).toBe(true);
});

test("says unknown, not absent, of what nobody could look for", () => {
  const declared = [declares("web", { web: "web:1" })];
  const away = joinWorkloads({ ...base, running: undefined, complete: false, declared });
  expect(away).toMatchObject([
    { release: { state: "unknown" }, drift: false, containers: [{ image: "web:1" }] },
  ]);
});

test("shows a workload that is declared twice once, at its first place", () => {
  const declared = [declares("web", { web: "web:1" }, "a.yaml"), declares("web", { web: "web:1" }, "b.yaml")];
  expect(joinWorkloads({ ...base, declared })).toMatchObject([{ declared: { file: "a.yaml" } }]);
});
