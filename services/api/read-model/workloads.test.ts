import { expect, test } from "vitest";

import type { DeclaredRow } from "#common/store/manifests.ts";
import { OwnerKind, RolloutPhase, View, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { createNodeReader } from "./node-platforms.ts";
import { createJoiner, joinWorkloads, repositoriesOf } from "./workloads.ts";
import type { WorkloadFacts } from "./workloads.ts";

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
    labels: {},
    fault: null,
  };
}

const nodesOf = createNodeReader();

function facts(more: {
  running?: readonly Workload[] | undefined;
  declared?: readonly DeclaredRow[];
  complete?: boolean;
  images?: WorkloadFacts["images"];
  nodes?: readonly string[];
  held?: WorkloadFacts["held"];
}): WorkloadFacts {
  const running = "running" in more ? more.running : [];
  return {
    environment: "default",
    complete: more.complete ?? true,
    running: running && new Map(running.map((one) => [`${one.namespace}:${one.kind}/${one.name}`, one])),
    declared: Map.groupBy(more.declared ?? [], (row) => row.workload),
    held: more.held ?? new Map(),
    freezes: [],
    automation: "off",
    images: more.images ?? new Map(),
    nodes: nodesOf(View.fromPartial({ nodes: { platforms: [...(more.nodes ?? [])] } })),
    sees: (namespace) => namespace !== "hidden",
  };
}

test("joins by id and in order of id", () => {
  const joined = joinWorkloads(
    facts({
      running: [runs("web", { web: "web:1" }), runs("api", { api: "api:1" })],
      declared: [declares("web", { web: "web:1" }), declares("batch", { batch: "batch:1" })],
    }),
  );
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

test("what stops automation is told with who, why and since when", () => {
  const policies = { ...declares("web", {}).policies, lockedBy: "ada", faults: ["deadline is no duration"] };
  const held = { environment: "default", workload: "shop:deployment/web", container: "web", image: "web:2" };
  const hold = {
    ...held,
    job_id: "0193",
    reason: "it crashed",
    set_by: "automation",
    since: new Date("2026-01-02T03:04:05Z"),
  };
  const declared = [{ ...declares("web", { web: "web:1" }), policies }, declares("api", { api: "api:1" })];
  const joined = joinWorkloads(facts({ declared, held: new Map([["shop:deployment/web", [hold]]]) }));
  expect(joined[1]).toMatchObject({
    automation: "off",
    lock: { by: "ada", message: null },
    holds: [
      { container: null, reason: "broken", since: null, job: null },
      { container: "web", reason: "it crashed", since: "2026-01-02T03:04:05.000Z", job: "0193" },
    ],
    policyFaults: ["deadline is no duration"],
  });
  expect(joined[0]).not.toHaveProperty("policyFaults");
  const free = {
    ...declares("api", { api: "api:1" }),
    policies: { ...policies, automated: false, locked: false, hold: null },
  };
  const [quiet] = joinWorkloads(facts({ declared: [free] }));
  for (const mark of ["automation", "lock", "holds"]) expect(quiet).not.toHaveProperty(mark);
});

test("an injected container is no drift; another image or an absent container is", () => {
  const driftOf = (running: Record<string, string>): boolean | undefined =>
    joinWorkloads(
      facts({ running: [runs("web", running)], declared: [declares("web", { web: "web:1" })] }),
    )[0]?.drift;
  expect(driftOf({ web: "web:1", proxy: "envoy:1" })).toBe(false);
  expect(driftOf({ web: "web:2" })).toBe(true);
  expect(driftOf({ proxy: "envoy:1" })).toBe(true);
});

test("says unknown, not absent, of what nobody could look for", () => {
  const declared = [declares("web", { web: "web:1" })];
  const away = joinWorkloads(facts({ running: undefined, complete: false, declared }));
  expect(away).toMatchObject([
    { release: { state: "unknown" }, drift: false, containers: [{ image: "web:1" }] },
  ]);
});

test("shows a workload that is declared twice once, at its first place", () => {
  const declared = [declares("web", { web: "web:1" }, "a.yaml"), declares("web", { web: "web:1" }, "b.yaml")];
  expect(joinWorkloads(facts({ declared }))).toMatchObject([{ declared: { file: "a.yaml" } }]);
});

test("what a file declared before it stopped parsing is listed with what is wrong with it", () => {
  const fault = { message: "bad indentation", line: 7 };
  const declared = [{ ...declares("web", { web: "web:1" }), fault }, declares("db", { db: "db:1" })];
  expect(joinWorkloads(facts({ declared }))).toMatchObject([
    { name: "db", declared: { problem: null } },
    {
      name: "web",
      declared: { file: "web.yaml", line: 3, problem: fault },
      containers: [{ declaredImage: "web:1" }],
      policies: ["automated", "locked", "ignore", "hold"],
    },
  ]);
});

test("what a namespace outside the environment runs or declares is left out", () => {
  const hidden = { ...declares("web", { web: "web:1" }), workload: "hidden:deployment/web" };
  const alien = { ...runs("web", { web: "web:1" }), namespace: "hidden" };
  expect(joinWorkloads(facts({ running: [alien], declared: [hidden] }))).toEqual([]);
});

const seen = (tag: string, ...platforms: string[]) => ({ tag, platforms, firstSeenAt: new Date(0) });

test("the newest image is chosen by the policy that git declares", () => {
  const images = new Map([
    ["docker.io/library/web", { scanned: true, images: [seen("1.0.0"), seen("1.1.0"), seen("2.0.0")] }],
  ]);
  const row = declares("web", { web: "web:1.0.0" });
  const declared = [{ ...row, policies: { ...row.policies, tags: { web: "semver:^1" } } }];
  const [web] = joinWorkloads(facts({ running: [runs("web", { web: "web:1.0.0" })], declared, images }));
  expect(web?.containers[0]).toMatchObject({ newest: { tag: "1.1.0", behind: 1 }, newestReason: null });
});

test("the newest image is one that a node can run, and where there is none the reason is told", () => {
  const entry = {
    scanned: true,
    images: [seen("1.0.0", "linux/amd64"), seen("1.1.0", "linux/amd64"), seen("1.2.0", "linux/arm64")],
  };
  const images = new Map([["docker.io/library/web", entry]]);
  const row = declares("web", { web: "web:1.0.0" });
  const declared = [{ ...row, policies: { ...row.policies, tags: { web: "semver:^1" } } }];
  const running = [runs("web", { web: "web:1.0.0" })];
  const newestOn = (...nodes: string[]) =>
    joinWorkloads(facts({ running, declared, images, nodes }))[0]?.containers[0];
  expect(newestOn("linux/amd64")).toMatchObject({ newest: { tag: "1.1.0", behind: 1 } });
  expect(newestOn("linux/amd64", "linux/arm64")).toMatchObject({ newest: { tag: "1.2.0", behind: 2 } });
  expect(newestOn()).toMatchObject({ newest: { tag: "1.2.0" } });
  entry.images.splice(0, 2);
  expect(newestOn("windows/amd64")).toMatchObject({ newest: null, newestReason: "no-runnable" });
});

test("other nodes are another list, equal ones the same", () => {
  const join = createJoiner();
  const declared = [declares("web", { web: "web:1" })];
  const on = (...nodes: string[]) => join(facts({ declared, nodes }))[0];
  const before = on("linux/amd64");
  expect(on("linux/amd64")).toBe(before);
  expect(on("linux/arm64")).not.toBe(before);
});

test("joining again gives the same object for everything that did not change", () => {
  const join = createJoiner();
  const running = [runs("web", { web: "web:1" }), runs("api", { api: "api:1" })];
  const declared = [declares("web", { web: "web:1" })];
  const key = "docker.io/library/api";
  const images = new Map([[key, { scanned: true, images: [] }]]);
  const [api, web] = join(facts({ running, declared, images }));
  const again = join(facts({ running, declared, images: new Map(images) }));
  expect([again[0] === api, again[1] === web]).toEqual([true, true]);
  const moved = join(facts({ running, declared, images: new Map([[key, { scanned: true, images: [] }]]) }));
  expect([moved[0] === api, moved[1] === web]).toEqual([false, true]);
  const gone = join(facts({ running: running.slice(1), declared, complete: false, images }));
  expect(gone[1]).toMatchObject({ name: "web", release: { state: "unknown" } });
});

test("names each image repository once, of what runs and of what is declared", () => {
  const { running, declared } = facts({
    running: [runs("web", { web: "web:1", proxy: "not an image" })],
    declared: [
      declares("web", { web: "docker.io/library/web:2" }),
      declares("api", { api: "r.example/api:1" }),
    ],
  });
  expect(repositoriesOf({ running, declared })).toEqual(["docker.io/library/web", "r.example/api"]);
});
