import { expect, test } from "vitest";

import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { Workload } from "#common/contracts/http.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import { Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

import { nextStep } from "./next-step.ts";
import { checkRegistries } from "./registries.ts";
import { viewTrial } from "./trials.ts";
import { warningsOf } from "./warnings.ts";
import type { WarningFacts } from "./warnings.ts";

const good = { ok: true, code: null, detail: null, hint: null };

function facts(more: Partial<WarningFacts> & { version?: string; level?: EnvironmentCheck["git"]["level"] }) {
  const { version = "v1.34.1", level = "lane-ref", ...rest } = more;
  const check = {
    git: { read: good, level } as EnvironmentCheck["git"],
    cluster: { reach: good, view: good, version, rights: [] },
  };
  return {
    check,
    declared: new Map(),
    running: new Map(),
    nodes: { platforms: ["linux/amd64"], problem: null },
    writers: [],
    lookedThrough: true,
    faults: [],
    ...rest,
  };
}

test("an environment without a flaw has no warning", () => {
  expect(warningsOf(facts({}))).toEqual([]);
});

test("warns of others that write images, in git and in the cluster", () => {
  const image = (name: string) => Running.fromPartial({ containers: [{ name: "c", image: name }] });
  const warnings = warningsOf(
    facts({
      writers: [
        { tool: "flux", path: "deploy/web.yaml", line: 12 },
        { tool: "flux", path: "deploy/api.yaml", line: 9 },
        { tool: "argo-cd", path: "apps/web.yaml", line: 4 },
      ],
      running: new Map([
        ["flux:deployment/flux", image("fluxcd/flux:1.25.4")],
        ["argo:deployment/updater", image("quay.io/argoprojlabs/argocd-image-updater:v0.15")],
        ["shop:deployment/web", image("acme/flux:1")],
      ]),
    }),
  );
  expect(warnings).toEqual([
    "Flux's image automation writes images to git too (deploy/web.yaml:12 and 1 more): leave each image to one of the two",
    "Argo CD Image Updater writes images to git too (apps/web.yaml:4): leave each image to one of the two",
    "Flux v1 runs here (flux:deployment/flux): see that it writes no image of this branch",
    "Argo CD Image Updater runs here (argo:deployment/updater): see that it writes no image of this branch",
  ]);
});

test("warns of files that cannot be read, of twins, of an old cluster and a weak host", () => {
  const twins = [{ path: "a.yaml" }, { path: "b.yaml" }] as DeclaredRow[];
  const warnings = warningsOf(
    facts({
      declared: new Map([["shop:deployment/web", twins]]),
      faults: [{ path: "c.yaml", message: "bad" }],
      version: "v1.28.3",
      level: "branch-only",
      lookedThrough: false,
    }),
  );
  expect(warnings).toEqual([
    "1 workload(s) are declared more than once and are never released: shop:deployment/web in a.yaml and b.yaml",
    "1 file(s) of the config repository cannot be read: c.yaml: bad",
    "the cluster runs Kubernetes v1.28.3; Slipway is made for 1.30 and later",
    "not all of the repository was looked through for other declarations and other writers of images",
    "the git host keeps no ref beside the branch: a late copy of an abandoned push can still land there",
  ]);
});

test("warns where the nodes cannot be seen, as long as the cluster can", () => {
  const nodes = { platforms: [], problem: "nodes cannot be watched" };
  expect(warningsOf(facts({ nodes }))).toEqual([
    "an image that no node can run may be released as the latest: nodes cannot be watched (docs/rights.md)",
  ]);
  const { check } = facts({});
  const away = { ...check, cluster: { ...check.cluster, view: { ...good, ok: false } } };
  expect(warningsOf(facts({ nodes, check: away }))).toEqual([]);
});

test("registries are judged by host", () => {
  const problem = { code: "REGISTRY_AUTH_FAILED", title: "refused", detail: null, hint: null };
  const scanned = { scannedAt: new Date(0), problem: null };
  const docker = ["docker.io/acme/web", "docker.io/acme/db", "docker.io/acme/api"];
  const keys = [...docker, "r.example/a", "r.example/b", "r.example/c"];
  const states = [
    { ...scanned, key: "docker.io/acme/web", intervalMs: 900_000, intervalReason: "quiet" },
    { ...scanned, key: "docker.io/acme/db", intervalMs: 600_000, intervalReason: "quiet" },
    { ...scanned, key: "docker.io/acme/api", intervalMs: 30_000, intervalReason: "changed" },
    { ...scanned, key: "r.example/a", problem, intervalMs: 60_000, intervalReason: "unreadable" },
    { ...scanned, key: "r.example/b", scannedAt: null, intervalMs: null, intervalReason: null },
  ];
  expect(checkRegistries(keys, new Map(states.map((state) => [state.key, state])))).toEqual([
    {
      host: "docker.io",
      repositories: 3,
      failing: 0,
      waiting: 0,
      problem: null,
      paces: [
        { reason: "changed", repositories: 1, longestSeconds: 30 },
        { reason: "quiet", repositories: 2, longestSeconds: 900 },
      ],
    },
    {
      host: "r.example",
      repositories: 3,
      failing: 1,
      waiting: 2,
      problem,
      paces: [{ reason: "unreadable", repositories: 1, longestSeconds: 60 }],
    },
  ]);
});

test("a view that is old, partial or away is no view", () => {
  const age = { gitCommit: null, gitMs: null, gitProblem: null, imagesMs: null, clusterProblem: null };
  expect(viewTrial({ ...age, clusterMs: 500, clusterComplete: true }).ok).toBe(true);
  expect(viewTrial({ ...age, clusterMs: 11_000, clusterComplete: true }).ok).toBe(false);
  expect(viewTrial({ ...age, clusterMs: 500, clusterComplete: false })).toMatchObject({
    ok: false,
    detail: "it is still being read",
  });
  expect(
    viewTrial({ ...age, clusterMs: null, clusterComplete: false, clusterProblem: "no route" }),
  ).toMatchObject({
    detail: "no route",
  });
});

test("the next step is to mend, to choose a mode by who applies, or to release", () => {
  const owned = (kind: string) => ({ owner: { kind, name: "" } }) as Workload;
  const ask = (mode: "observe" | "apply", ok: boolean, workloads: readonly Workload[] = []) =>
    nextStep({ environment: { name: "shop", mode }, ok, workloads, registries: [] });
  expect(ask("apply", false)).toContain("mend what failed");
  expect(ask("apply", true)).toContain("--behind");
  expect(ask("observe", true, [owned("none"), owned("helm")])).toContain("mode: apply for shop");
  expect(ask("observe", true, [owned("flux"), owned("flux"), owned("none")])).toContain(
    "mode: hand-off for shop",
  );
});

test("what to do now names image repositories that cannot be read, before releases", () => {
  const registries = [
    { repositories: 3, failing: 2 },
    { repositories: 4, failing: 0 },
    { repositories: 1, failing: 1 },
  ];
  const facts = { environment: { name: "shop", mode: "apply" as const }, workloads: [], registries };
  expect(nextStep({ ...facts, ok: true })).toMatch(
    /^3 of 8 image repositories cannot be read, .*docs\/registries\.md.*check again: slipway environment check shop\. Else .*--behind/,
  );
  expect(nextStep({ ...facts, ok: false })).toMatch(/^mend what failed/);
});
