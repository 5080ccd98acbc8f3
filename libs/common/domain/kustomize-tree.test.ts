import { describe, expect, test } from "vitest";
import { declareTree, type TreeDeclarations, type TreeWorkload } from "./kustomize-tree.ts";
import { readManifest } from "./manifest.ts";
import { formatWorkloadId } from "./workload.ts";

const deployment = (name: string, image: string, more = ""): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}${more}}\nspec: {template: {spec: {containers: [{name: app, image: "${image}"}]}}}\n`;

const kustomization = (body: string, kind = "Kustomization"): string =>
  `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: ${kind}\n${body}`;

function declared(
  texts: Readonly<Record<string, string>>,
  o: { scope?: readonly string[]; addImages?: boolean } = {},
): TreeDeclarations {
  const files = new Map(
    Object.entries(texts).map(([path, text]) => [path, readManifest(text, { defaultNamespace: "default" })]),
  );
  const scope = o.scope ?? [""];
  return declareTree({
    files,
    inScope: (path) => scope.some((folder) => path.startsWith(folder)),
    addImages: o.addImages === true,
  });
}

/** "ns:kind/name image ← where it is decided" */
function shown({ declared: found, sites }: TreeWorkload): string {
  const [container] = found.containers;
  const site = sites.get("app");
  const where =
    site === undefined
      ? `✗ ${container?.reason ?? ""}`
      : `← ${site.path}${site.kind === "entry" ? ` [${site.name}]${site.isNew ? " new" : ""}` : ""}`;
  return `${formatWorkloadId(found.id)} ${container?.image ?? ""} ${where}`;
}

const list = (tree: TreeDeclarations): readonly string[] => tree.workloads.map(shown);

const base = {
  "base/kustomization.yaml": kustomization("resources: [web.yaml]\n"),
  "base/web.yaml": deployment("web", "nginx:1.0"),
};

describe("a plain file", () => {
  test("decides by itself", () => {
    expect(list(declared({ "a.yaml": deployment("web", "nginx:1") }))).toEqual([
      "default:deployment/web nginx:1 ← a.yaml",
    ]);
  });
  test("of a kustomization that does nothing to it, too", () => {
    expect(list(declared(base))).toEqual(["default:deployment/web nginx:1.0 ← base/web.yaml"]);
  });
});

describe("an overlay", () => {
  const overlay = {
    ...base,
    "prod/kustomization.yaml": kustomization(
      "namespace: prod\nresources: [../base]\nimages:\n- name: nginx\n  newTag: '1.1'\n",
    ),
  };
  test("gives its namespace, and decides by its images entry", () => {
    const tree = declared(overlay, { scope: ["prod/"] });
    expect(list(tree)).toEqual(["prod:deployment/web nginx:1.1 ← prod/kustomization.yaml [nginx]"]);
    expect(tree.workloads[0]).toMatchObject({
      path: "base/web.yaml",
      own: { namespace: "default" },
      declared: { containers: [{ line: 7, editable: true }] },
    });
    expect(tree.workloads[0]?.unrendered).toBeUndefined();
    expect(list(declared(overlay))).toEqual(list(tree));
  });
  test("without an entry reaches the base only where that is its own", () => {
    const texts = {
      ...base,
      "prod/kustomization.yaml": kustomization("bases: [../base]\n"),
      "stage/kustomization.yml": kustomization("resources:\n- ../base\n"),
    };
    expect(list(declared(texts, { scope: ["prod/"] }))).toEqual([
      "default:deployment/web nginx:1.0 ✗ DECLARED_OUTSIDE_PATHS: decided in base/web.yaml, which stage would follow, too; allow kustomize.addImages, or add an images entry to prod/kustomization.yaml",
    ]);
    expect(list(declared(texts, { scope: ["prod/"], addImages: true }))).toEqual([
      "default:deployment/web nginx:1.0 ← prod/kustomization.yaml [nginx] new",
    ]);
    expect(list(declared(texts, { scope: ["prod/", "base/"] }))).toEqual([
      "default:deployment/web nginx:1.0 ← base/web.yaml",
    ]);
  });
  test("that only renames the image takes the tag into its entry, when the base is not its own", () => {
    const texts = {
      ...base,
      "prod/kustomization.yaml": kustomization(
        "resources: [../base]\nimages: [{name: nginx, newName: q.io/nginx}]\n",
      ),
    };
    expect(list(declared(texts, { scope: ["prod/"] }))).toEqual([
      "default:deployment/web q.io/nginx:1.0 ← prod/kustomization.yaml [nginx]",
    ]);
    expect(list(declared(texts))).toEqual(["default:deployment/web q.io/nginx:1.0 ← base/web.yaml"]);
  });
  test("sees what the base made of the image", () => {
    const texts = {
      ...base,
      "base/kustomization.yaml": kustomization(
        "resources: [web.yaml]\nimages: [{name: nginx, newName: q.io/nginx, newTag: v2}]\n",
      ),
      "prod/kustomization.yaml": kustomization(
        "resources: [../base]\nimages: [{name: nginx, newTag: v3}, {name: q.io/nginx, newTag: v4}]\n",
      ),
    };
    expect(list(declared(texts))).toEqual([
      "default:deployment/web q.io/nginx:v4 ← prod/kustomization.yaml [q.io/nginx]",
    ]);
  });
  test("is one of several, each a workload of its own by its namespace", () => {
    const texts = {
      ...base,
      "a/kustomization.yaml": kustomization(
        "namespace: a\nresources: [../base]\nimages: [{name: nginx, newTag: v1}]\n",
      ),
      "b/kustomization.yaml": kustomization(
        "namespace: b\nresources: [../base]\nimages: [{name: nginx, newTag: v2}]\n",
      ),
    };
    expect(list(declared(texts))).toEqual([
      "a:deployment/web nginx:v1 ← a/kustomization.yaml [nginx]",
      "b:deployment/web nginx:v2 ← b/kustomization.yaml [nginx]",
    ]);
  });
});

describe("copies", () => {
  test("that agree are one workload", () => {
    const texts = {
      ...base,
      "a/kustomization.yaml": kustomization("resources: [../base]\n"),
      "b/kustomization.yaml": kustomization("resources: [../base]\n"),
    };
    expect(list(declared(texts))).toEqual(["default:deployment/web nginx:1.0 ← base/web.yaml"]);
  });
  test("that differ are one nobody can edit", () => {
    const texts = {
      ...base,
      "a/kustomization.yaml": kustomization("resources: [../base]\nimages: [{name: nginx, newTag: v1}]\n"),
      "b/kustomization.yaml": kustomization("resources: [../base]\n"),
    };
    expect(list(declared(texts))).toEqual([
      "default:deployment/web nginx:v1 ✗ built differently by a/kustomization.yaml and b/kustomization.yaml",
    ]);
  });
  test("in two files are two, which a plan refuses", () => {
    const texts = { ...base, "other.yaml": deployment("web", "nginx:1") };
    expect(declared(texts).workloads.map(({ path }) => path)).toEqual(["other.yaml", "base/web.yaml"]);
  });
});

describe("a component", () => {
  const texts = {
    ...base,
    "prod/kustomization.yaml": kustomization("resources: [../base]\ncomponents: [../pin]\n"),
    "pin/kustomization.yaml": kustomization(
      "images: [{name: nginx, newTag: v9}]\nresources: [more.yaml]\n",
      "Component",
    ),
    "pin/more.yaml": deployment("more", "nginx:1"),
  };
  test("works on what its user gathered", () => {
    expect(list(declared(texts))).toEqual([
      "default:deployment/web nginx:v9 ← pin/kustomization.yaml [nginx]",
      "default:deployment/more nginx:v9 ← pin/kustomization.yaml [nginx]",
    ]);
  });
  test("that nobody uses builds nothing", () => {
    const { "prod/kustomization.yaml": _, ...alone } = texts;
    expect(list(declared(alone))).toEqual(["default:deployment/web nginx:1.0 ← base/web.yaml"]);
  });
});

describe("a patch", () => {
  const patched = (body: string, more: Readonly<Record<string, string>> = {}) =>
    declared({
      ...base,
      "base/kustomization.yaml": kustomization(`resources: [web.yaml]\n${body}`),
      ...more,
    });
  test("in a file decides the image it names", () => {
    const tree = patched("patches:\n- path: patch.yaml\n", {
      "base/patch.yaml": deployment("web", "nginx:2"),
    });
    expect(list(tree)).toEqual(["default:deployment/web nginx:2 ← base/patch.yaml"]);
    expect(tree.workloads[0]?.unrendered).toBe("patches of base/kustomization.yaml");
  });
  test("without an image leaves it where it is, but we cannot say what is applied", () => {
    const tree = patched("patchesStrategicMerge: [patch.yaml]\n", {
      "base/patch.yaml": deployment("web", ""),
    });
    expect(list(tree)).toEqual(["default:deployment/web nginx:1.0 ← base/web.yaml"]);
    expect(tree.workloads[0]?.unrendered).toBeDefined();
  });
  test.each([
    [
      "patches:\n- patch: |\n    - {op: replace, path: /spec/template/spec/containers/0/image, value: x}\n  target: {kind: Deployment}\n",
      {},
    ],
    [
      "patchesJson6902:\n- path: ops.yaml\n  target: {kind: Deployment, name: web}\n",
      { "base/ops.yaml": "- {op: replace, path: /spec/template/spec/containers/0/image, value: x}\n" },
    ],
    ["patches:\n- path: absent.yaml\n", {}],
  ])("that may change an image hides where it is decided", (body, more) => {
    expect(list(patched(body, more))).toEqual([
      "default:deployment/web nginx:1.0 ✗ patched in base/kustomization.yaml",
    ]);
  });
});

test.each([
  "configMapGenerator: [{name: x}]",
  "commonLabels: {a: b}",
  "replicas: [{name: web, count: 2}]",
  "namePrefix: x-",
  "transformers: [t.yaml]",
  "something: new",
])("what is not followed (%s) makes a workload that Slipway cannot render", (field) => {
  const tree = declared({
    ...base,
    "base/kustomization.yaml": kustomization(`resources: [web.yaml]\n${field}\n`),
  });
  expect(tree.workloads[0]?.unrendered).toBe(`${field.split(":")[0] ?? ""} of base/kustomization.yaml`);
});

test("names get what is put before and behind them", () => {
  const tree = declared({
    ...base,
    "base/kustomization.yaml": kustomization("resources: [web.yaml]\nnamePrefix: a-\nnameSuffix: -z\n"),
  });
  expect(list(tree)).toEqual(["default:deployment/a-web-z nginx:1.0 ← base/web.yaml"]);
});

test("an encrypted or shared entry cannot be edited", () => {
  const images = "images: [{name: nginx, newTag: &t v1}]\nx: *t\n";
  const tree = declared({
    ...base,
    "base/kustomization.yaml": kustomization(`resources: [web.yaml]\n${images}`),
  });
  expect(list(tree)).toEqual(["default:deployment/web nginx:v1 ✗ shared-anchor"]);
});

describe("what leads nowhere", () => {
  test("is told, and hides nothing else", () => {
    const body =
      "resources: [web.yaml, absent.yaml, ../../../out, https://example.com/x.yaml, github.com/a/b?ref=v1]\n";
    const tree = declared({ ...base, "base/kustomization.yaml": kustomization(body) });
    expect(tree.workloads).toHaveLength(1);
    expect(tree.faults.map(({ message }) => message)).toEqual([
      "absent.yaml is not there",
      "../../../out is not there",
      "https://example.com/x.yaml is not read from elsewhere",
      "github.com/a/b?ref=v1 is not read from elsewhere",
    ]);
  });
  test("in a circle is told, too", () => {
    const tree = declared({
      "a/kustomization.yaml": kustomization("resources: [../b, web.yaml]\n"),
      "a/web.yaml": deployment("web", "nginx:1"),
      "b/kustomization.yaml": kustomization("resources: [../a]\n"),
    });
    expect(tree.faults).toEqual([
      { path: "b/kustomization.yaml", message: "a/kustomization.yaml leads back here" },
    ]);
    expect(list(tree)).toEqual(["default:deployment/web nginx:1 ← a/web.yaml"]);
  });
});

test("Flux's own Kustomization is none of these", () => {
  const flux =
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {images: [{name: nginx, newTag: v1}]}\n";
  expect(readManifest(flux, { defaultNamespace: "default" }).kustomization).toBeUndefined();
});
