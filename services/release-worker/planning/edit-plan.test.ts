import { describe, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { silentLog } from "#common/kit/log.ts";
import type { Repository } from "#proto/slipway/registry/v1/registry.ts";

import { createFakeGitCache } from "../git/git-cache.fake.ts";
import type { JobPlan } from "./job-plan.ts";
import { planJob } from "./plan-job.ts";
import { createTipReaderOver } from "./tip-reader.ts";
import type { TipView } from "./tip-view.ts";

const deployment = (name: string, image: string, namespace = ""): string =>
  `# ${name}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${name}\n${namespace === "" ? "" : `  namespace: ${namespace}\n`}spec:\n  template:\n    spec:\n      containers:\n        - name: app\n          image: ${image} # here\n`;
const kustomization = (body: string): string =>
  `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n${body}`;

type More = Partial<Pick<EnvironmentSettings, "mode" | "kustomize" | "manifests">> & { paths?: string[] };

const environment = ({ paths = ["."], ...more }: More = {}): EnvironmentSettings =>
  environmentSettings.parse({
    name: "default",
    mode: "apply",
    cluster: { inCluster: true },
    git: { url: "https://git.example.com/config.git", paths },
    ...more,
  });

const parsed: string[] = [];
async function viewOf(files: Readonly<Record<string, string>>, more: More = {}): Promise<TipView> {
  const git = createFakeGitCache();
  const blobs = { known: async () => new Map(), save: async () => undefined };
  const onParse = (path: string): void => void parsed.push(path);
  return createTipReaderOver({ git, blobs, onParse }).read(git.commit(files), environment(more));
}

/** A release of one exact image to what is named; everything declared runs, and every tag exists. */
async function release(view: TipView, image: string, ...workloads: string[]): Promise<JobPlan> {
  const running = new Set(view.declared().map((fact) => formatWorkloadId(fact.id)));
  const sources = {
    running: async () => new Set([...running].filter((id) => !id.includes(":helmrelease/"))),
    recalled: async () => new Map(),
    now: async () => new Date(0),
    rivals: async () => new Map(),
    indexed: async () => ({ rows: [], faults: [] }),
    images: async () => new Map<string, Repository>(),
    refresh: async () => ({ tagFound: true, repository: undefined }),
  };
  return planJob({ sources, log: silentLog }, view, {
    spec: {
      kind: "release",
      workloads,
      all: workloads.length === 0,
      exclude: [],
      images: { exact: [image] },
      override: [],
    },
    resolved: null,
  });
}

async function undo(view: TipView, plan: JobPlan): Promise<JobPlan> {
  const sources = {
    running: async () => undefined,
    recalled: async () => new Map(),
    now: async () => new Date(0),
    rivals: async () => new Map(),
    indexed: async () => ({ rows: [], faults: [] }),
    images: async () => new Map<string, Repository>(),
    refresh: async () => ({ tagFound: false, repository: undefined }),
  };
  return planJob({ sources, log: silentLog }, view, {
    spec: { kind: "rollback", of: "1", override: [] },
    resolved: null,
    undo: { headline: "Rollback of 1", changes: plan.changes, short: "1" },
  });
}

const told = (plan: JobPlan) =>
  plan.results.map(({ workload, result, reason, detail }) => [workload, result, reason, detail]);

const base = {
  "base/kustomization.yaml": kustomization("resources: [web.yaml]\n"),
  "base/web.yaml": deployment("web", "nginx:1.0"),
};
const prod = {
  "prod/kustomization.yaml": kustomization(
    "namespace: prod\nresources: [../base]\nimages:\n- name: nginx # pinned\n  newTag: '1.1'\n",
  ),
};

describe("a workload built by an overlay", () => {
  test("is released by the overlay's own entry, applied as kustomize makes it, and taken back to the byte", async () => {
    const files = { ...base, ...prod };
    const view = await viewOf(files, { paths: ["prod"] });
    const plan = await release(view, "nginx:1.2", "prod/web");
    expect([...plan.texts]).toEqual([
      ["prod/kustomization.yaml", files["prod/kustomization.yaml"].replace("1.1", "1.2")],
    ]);
    expect(plan.targets).toMatchObject([
      { workload: "prod:deployment/web", path: "base/web.yaml", images: { app: "nginx:1.2" } },
    ]);
    expect(plan.updates[0]?.detail).toBe("prod/kustomization.yaml +1 -1 (image)");
    const after = view.withTexts(plan.texts);
    expect(await after.documentOf({ workload: "prod:deployment/web", path: "base/web.yaml" })).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "prod" },
      spec: { template: { spec: { containers: [{ name: "app", image: "nginx:1.2" }] } } },
    });
    const back = await undo(after, plan);
    expect([...back.texts]).toEqual([["prod/kustomization.yaml", files["prod/kustomization.yaml"]]]);
    expect(back.targets).toMatchObject([{ path: "base/web.yaml", images: { app: "nginx:1.1" } }]);
    const again = await undo(after.withTexts(back.texts), back);
    expect([...again.texts]).toEqual([...plan.texts]);
  });
  test("without an entry is refused, with the file and whom it would reach, or gets one where that is allowed", async () => {
    const files = {
      ...base,
      "prod/kustomization.yaml": kustomization("resources: [../base]\n"),
      "stage/kustomization.yaml": kustomization("resources: [../base]\n"),
    };
    const refused = await release(await viewOf(files, { paths: ["prod"] }), "nginx:2", "default/web");
    expect(told(refused)).toEqual([
      [
        "default:deployment/web",
        "skip",
        "not-editable",
        expect.stringMatching(
          /^DECLARED_OUTSIDE_PATHS: decided in base\/web\.yaml, which stage would follow/,
        ),
      ],
    ]);
    const view = await viewOf(files, { paths: ["prod"], kustomize: { addImages: true } });
    const plan = await release(view, "nginx:2", "default/web");
    expect(plan.texts.get("prod/kustomization.yaml")).toBe(
      `${files["prod/kustomization.yaml"]}images:\n- name: nginx\n  newTag: "2"\n`.replace('"2"', "'2'"),
    );
    const back = await undo(view.withTexts(plan.texts), plan);
    expect(back.texts.get("prod/kustomization.yaml")).toBe(files["prod/kustomization.yaml"]);
    const again = await undo(view, back);
    expect(again.texts.get("prod/kustomization.yaml")).toBe(plan.texts.get("prod/kustomization.yaml"));
  });
  test("moves with what shares its value, or not at all", async () => {
    const files = {
      ...base,
      "base/kustomization.yaml": kustomization(
        "resources: [web.yaml, api.yaml]\nimages: [{name: nginx, newTag: v1}]\n",
      ),
      "base/api.yaml": deployment("api", "nginx:1.0"),
    };
    const view = await viewOf(files);
    const half = await release(view, "nginx:v2", "default/web");
    expect(told(half)).toEqual([
      [
        "default:deployment/web",
        "skip",
        "not-editable",
        "shared: base/kustomization.yaml also decides default/api app: release them together",
      ],
    ]);
    const both = await release(view, "nginx:v2", "default/web", "default/api");
    expect([...both.texts.keys()]).toEqual(["base/kustomization.yaml"]);
    expect(both.targets.map(({ workload }) => workload)).toEqual([
      "default:deployment/web",
      "default:deployment/api",
    ]);
    const back = await undo(view.withTexts(both.texts), both);
    expect(back.texts.get("base/kustomization.yaml")).toBe(files["base/kustomization.yaml"]);
    expect(back.targets).toHaveLength(2);
  });
  test("in two namespaces of one base moves in both", async () => {
    const files = {
      ...base,
      "a/kustomization.yaml": kustomization("namespace: a\nresources: [../base]\n"),
      "b/kustomization.yaml": kustomization("namespace: b\nresources: [../base]\n"),
    };
    const view = await viewOf(files);
    expect((await release(view, "nginx:2", "a/web")).changes).toEqual([]);
    const both = await release(view, "nginx:2");
    expect([...both.texts]).toEqual([
      ["base/web.yaml", files["base/web.yaml"].replace("nginx:1.0", "nginx:2")],
    ]);
    expect(both.targets.map(({ workload }) => workload)).toEqual(["a:deployment/web", "b:deployment/web"]);
    const back = await undo(view.withTexts(both.texts), both);
    expect(back.texts.get("base/web.yaml")).toBe(files["base/web.yaml"]);
  });
  test("is written under the name its own file gives the image", async () => {
    const files = {
      ...base,
      "prod/kustomization.yaml": kustomization(
        "resources: [../base]\nimages: [{name: nginx, newName: q.io/n/nginx}]\n",
      ),
    };
    const plan = await release(await viewOf(files), "q.io/n/nginx:2", "default/web");
    expect([...plan.texts]).toEqual([
      ["base/web.yaml", files["base/web.yaml"].replace("nginx:1.0", "nginx:2")],
    ]);
    expect(plan.results).toMatchObject([{ from: "q.io/n/nginx:1.0", to: "q.io/n/nginx:2" }]);
  });
  test("that cannot be rendered is left alone where Slipway applies, and released where others do", async () => {
    const files = {
      ...base,
      "base/kustomization.yaml": kustomization("resources: [web.yaml]\nconfigMapGenerator: [{name: x}]\n"),
    };
    const view = await viewOf(files);
    expect(told(await release(view, "nginx:2", "default/web"))).toEqual([
      [
        "default:deployment/web",
        "skip",
        "not-editable",
        "not-appliable: Slipway does not follow configMapGenerator of base/kustomization.yaml; use mode hand-off",
      ],
    ]);
    const target = { workload: "default:deployment/web", path: "base/web.yaml" };
    await expect(view.documentOf(target)).rejects.toMatchObject({ code: "MANIFEST_NOT_RENDERED" });
    const handed = await release(await viewOf(files, { mode: "hand-off" }), "nginx:2", "default/web");
    expect([...handed.texts.keys()]).toEqual(["base/web.yaml"]);
  });
  test("declared twice in earnest is an error on that workload alone, naming both files", async () => {
    const files = {
      ...base,
      "other/web.yaml": deployment("web", "nginx:1"),
      "api.yaml": deployment("api", "nginx:1"),
    };
    const plan = await release(await viewOf(files), "nginx:2");
    expect(told(plan)).toEqual([
      ["default:deployment/api", "change", null, null],
      ["default:deployment/web", "skip", "declared-twice", expect.stringContaining("base/web.yaml")],
      ["default:deployment/web", "skip", "declared-twice", expect.stringContaining("other/web.yaml")],
    ]);
  });
});

describe("the projection", () => {
  test("sees a workload move when only its kustomization did", async () => {
    const git = createFakeGitCache();
    const blobs = { known: async () => new Map(), save: async () => undefined };
    const reader = createTipReaderOver({ git, blobs });
    const read = (tag: string) => {
      const body = kustomization(`resources: [../base]\nimages: [{name: nginx, newTag: ${tag}}]\n`);
      return reader.read(git.commit({ ...base, "prod/kustomization.yaml": body }), environment());
    };
    const [one, two, three] = [await read("v1"), await read("v2"), await read("v1")];
    const oid = (view: TipView) => view.files.get("base/web.yaml")?.oid;
    expect(oid(one)).not.toBe(oid(two));
    expect(oid(one)).toBe(oid(three));
    expect(oid(one)).toMatch(/^[0-9a-f]{40}$/);
  });
  test("says which kustomization leads nowhere", async () => {
    const view = await viewOf({
      "kustomization.yaml": kustomization("resources: [absent.yaml]\n"),
      "web.yaml": deployment("web", "b:1"),
    });
    expect(view.files.get("kustomization.yaml")?.manifest.faults).toEqual([
      { message: "absent.yaml is not there" },
    ]);
    expect(view.declared()).toHaveLength(1);
  });
});

describe("what no watcher sees", () => {
  const chart =
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {values: {image: {repository: nginx, tag: '1.0'}}}\n";
  test("is not applied by Slipway", async () => {
    expect(told(await release(await viewOf({ "web.yaml": chart }), "nginx:2", "default/web"))).toEqual([
      [
        "default:helmrelease/web",
        "skip",
        "not-editable",
        "not-appliable: Slipway does not apply a HelmRelease; use mode hand-off",
      ],
    ]);
  });
  test("is done with once it is committed", async () => {
    const view = await viewOf({ "web.yaml": chart }, { mode: "hand-off" });
    const plan = await release(view, "nginx:2", "default/web");
    expect(plan.texts.get("web.yaml")).toBe(chart.replace("1.0", "2"));
    expect(plan.targets).toEqual([]);
    expect(plan.results).toMatchObject([{ from: "nginx:1.0", to: "nginx:2", result: "change" }]);
    const back = await undo(view.withTexts(plan.texts), plan);
    expect(back.texts.get("web.yaml")).toBe(chart);
    expect(back.results).toMatchObject([{ from: "nginx:2", to: "nginx:1.0" }]);
  });
});

test("a chart's values file and a custom kind are read as the settings say", async () => {
  const manifests = {
    helmValues: [{ path: "charts/*/values.yaml", workload: "shop:deployment/web" }],
    customKinds: [{ group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" }],
  };
  const values = "image: {repository: nginx, tag: '1.0'}\n";
  const files = {
    "charts/web/values.yaml": values,
    "rollout.yaml": deployment("api", "nginx:1.0")
      .replace("apps/v1", "argoproj.io/v1alpha1")
      .replace("Deployment", "Rollout"),
  };
  const view = await viewOf(files, { mode: "hand-off", manifests });
  expect(view.declared().map((fact) => formatWorkloadId(fact.id))).toEqual([
    "shop:deployment/web",
    "default:rollout/api",
  ]);
  const plan = await release(view, "nginx:2");
  expect(plan.texts.get("charts/web/values.yaml")).toBe(values.replace("1.0", "2"));
  expect(plan.targets).toEqual([]);
  const images = [{ container: "web", repository: "image.repository", tag: "image.tag" }];
  const named = { ...manifests, helmValues: manifests.helmValues.map((mapped) => ({ ...mapped, images })) };
  const watched = await release(await viewOf(files, { mode: "hand-off", manifests: named }), "nginx:2");
  expect(watched.targets).toMatchObject([{ workload: "shop:deployment/web", images: { web: "nginx:2" } }]);
});

test("a release parses only the files it edits, when the tip is known", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [
      `${n}.yaml`,
      deployment(`w${n}`, n < 3 ? "nginx:1" : `other${n}:1`),
    ]),
  );
  const view = await viewOf(files);
  parsed.length = 0;
  const plan = await release(view, "nginx:2");
  expect(plan.texts.size).toBe(3);
  expect(parsed.sort()).toEqual(["0.yaml", "1.yaml", "2.yaml"]);
});
