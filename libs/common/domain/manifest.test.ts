import { readFileSync, globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formatImageRef, parseImageRef, withTag } from "./image-ref.ts";
import { documentAt, editImages, mentionsImage, readManifest, revertChanges } from "./manifest.ts";
import { formatWorkloadId } from "./workload.ts";

const o = { defaultNamespace: "default" };

const frontEnd = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: front-end
  namespace: sock-shop
  annotations:
    fluxcd.io/automated: 'true'
    fluxcd.io/tag.front-end: glob:0.*
spec:
  template:
    spec:
      initContainers:
        - {name: migrate, image: busybox}
      containers:
        - name: front-end
          image: weaveworksdemos/front-end:0.2.0
`;

const pod = (body: string, head = "metadata: {name: web}"): string =>
  `apiVersion: v1\nkind: Pod\n${head}\nspec:\n  containers:\n${body}`;

const ids = (text: string): readonly string[] =>
  readManifest(text, o).workloads.map((workload) => formatWorkloadId(workload.id));

const firstContainer = (text: string): unknown => readManifest(text, o).workloads[0]?.containers[0];

test("reads a workload with its containers, lines and policies", () => {
  expect(readManifest(frontEnd, o)).toEqual({
    workloads: [
      {
        id: { namespace: "sock-shop", kind: "deployment", name: "front-end" },
        apiVersion: "apps/v1",
        kind: "Deployment",
        document: 1,
        line: 1,
        containers: [
          {
            name: "front-end",
            image: "weaveworksdemos/front-end:0.2.0",
            init: false,
            editable: true,
            line: 16,
          },
          { name: "migrate", image: "busybox", init: true, editable: true, line: 13 },
        ],
        policies: {
          automated: true,
          locked: false,
          ignore: false,
          tags: { "front-end": "glob:0.*" },
          written: {
            automated: { annotation: "fluxcd.io/automated", value: "true" },
            "tag.front-end": { annotation: "fluxcd.io/tag.front-end", value: "glob:0.*" },
          },
        },
        namespaceDeclared: true,
      },
    ],
    faults: [],
  });
});

describe("namespaces", () => {
  test("come from the default where none is declared", () => {
    const read = readManifest(pod("  - {name: a, image: b}"), { defaultNamespace: "shop" });
    expect(read.workloads[0]).toMatchObject({ id: { namespace: "shop" }, namespaceDeclared: false });
  });
  test("that are no text to Kubernetes are a fault", () => {
    const text = pod("  - {name: a, image: b}", "metadata: {name: web, namespace: on}");
    expect(readManifest(text, o).faults[0]?.message).toContain("namespace");
  });
});

describe("kinds", () => {
  const spec = "spec: {template: {spec: {containers: [{name: a, image: b}]}}}";
  test.each([
    ["apps/v1", "Deployment", spec],
    ["extensions/v1beta1", "Deployment", spec],
    ["apps/v1", "StatefulSet", spec],
    ["apps/v1", "DaemonSet", spec],
    ["apps/v1", "ReplicaSet", spec],
    ["batch/v1", "Job", spec],
    ["v1", "ReplicationController", spec],
    ["v1", "Pod", "spec: {containers: [{name: a, image: b}]}"],
    ["batch/v1beta1", "CronJob", `spec: {jobTemplate: {${spec}}}`],
  ])("%s %s is a workload", (apiVersion, kind, body) => {
    expect(ids(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n${body}\n`)).toEqual([
      `default:${kind.toLowerCase()}/x`,
    ]);
  });
  test.each([
    ["batch.volcano.sh/v1alpha1", "Job"],
    ["apps/v1", "deployment"],
    ["v1", "Deployment"],
    ["argoproj.io/v1alpha1", "Rollout"],
  ])("%s %s is none", (apiVersion, kind) => {
    expect(
      readManifest(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n${spec}\n`, o),
    ).toEqual({
      workloads: [],
      faults: [],
    });
  });
});

describe("what is no workload is passed over", () => {
  test.each([
    ["an empty text", ""],
    ["blank lines", "\n\n"],
    ["a comment", "# nothing\n"],
    ["a scalar", "hello\n"],
    ["a list", "- a\n"],
    ["a service", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"],
    ["a number as kind", "apiVersion: v1\nkind: 1\n"],
    ["a patch without images", pod("  - {name: a, env: []}")],
    ["a generated name", pod("  - {name: a, image: b}", "metadata: {generateName: x-}")],
    [
      "containers that are no list",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: 1}\n",
    ],
  ])("%s", (_, text) => {
    expect(readManifest(text, o)).toEqual({ workloads: [], faults: [] });
  });
});

describe("lists", () => {
  test("of anything hold their workloads, each with its line", () => {
    const text = `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
  - apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: a}
    spec: {template: {spec: {containers: [{name: c, image: d}]}}}
  - apiVersion: v1
    kind: List
    items:
      - {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: c, image: d}]}}
`;
    expect(ids(text)).toEqual(["default:daemonset/a", "default:pod/b"]);
    expect(readManifest(text, o).workloads[0]?.line).toBe(6);
  });
  test("of one kind lend it to their items", () => {
    const text = `apiVersion: apps/v1
kind: DeploymentList
items:
  - metadata: {name: a}
    spec: {template: {spec: {containers: [{name: c, image: d}]}}}
`;
    expect(ids(text)).toEqual(["default:deployment/a"]);
    expect(documentAt(text, { namespace: "default", kind: "deployment", name: "a" }, o)).toMatchObject({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a", namespace: "default" },
    });
  });
});

describe("broken documents", () => {
  test("are a fault with their line, and hide no other", () => {
    const text = `${frontEnd}---\na: "unclosed\n---\na: [1\n---\na: 1\n b: 2\n---\n${pod("  - {name: a, image: b}")}`;
    const read = readManifest(text, o);
    expect(read.workloads.map((workload) => [workload.id.name, workload.document])).toEqual([
      ["front-end", 1],
      ["web", 5],
    ]);
    expect(read.faults.map((fault) => [fault.document, fault.line])).toEqual([
      [2, 18],
      [3, 20],
      [4, 22],
    ]);
  });
  test("include templates of charts", () => {
    expect(readManifest("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", o).faults).toHaveLength(1);
  });
  test("include a key written twice in a workload", () => {
    const read = readManifest(pod("  - {name: a, image: b, image: c}"), o);
    expect(read.workloads).toEqual([]);
    expect(read.faults).toEqual([
      { line: 6, document: 1, message: 'the key "image" stands twice in one map' },
    ]);
  });
  test.each([
    ["without a name", "metadata: {}"],
    ["whose name is not one", "metadata: {name: A_b}"],
  ])("include a workload %s", (why, metadata) => {
    expect(readManifest(pod("  - {name: a, image: b}", metadata), o).faults[0]?.message).toContain(why);
  });
  test("include a workload without apiVersion", () => {
    expect(
      readManifest(pod("  - {name: a, image: b}").replace("apiVersion: v1\n", ""), o).faults,
    ).toHaveLength(1);
  });
  test.each([
    ["brackets", "[".repeat(20_000)],
    ["maps", "{a: ".repeat(20_000)],
    ["dashes", "- ".repeat(20_000)],
  ])("nested without end (%s) are a fault", (_, text) => {
    expect(readManifest(text, o).faults[0]?.message).toContain("nested deeper");
  });
  test("aliases that grow without end are a fault and never expanded", () => {
    const lines = ["a0: &a0 {x: 1}"];
    for (let level = 1; level <= 30; level += 1) {
      lines.push(
        `a${level}: &a${level} {<<: [${Array(9)
          .fill(`*a${level - 1}`)
          .join(", ")}]}`,
      );
    }
    const bomb = `${lines.join("\n")}\n${pod("  - {name: a, image: b, <<: *a30}")}`;
    expect(ids(bomb)).toEqual(["default:pod/web"]);
    expect(() => documentAt(bomb, { namespace: "default", kind: "pod", name: "web" }, o)).toThrow(
      expect.objectContaining({ code: "MANIFEST_BROKEN" }),
    );
  });
  test("an alias that holds itself does no harm", () => {
    expect(ids(pod("  - &me {name: a, image: b, self: *me}"))).toEqual(["default:pod/web"]);
  });
});

describe("a container says whether it can be edited", () => {
  test.each([
    ["ENCRYPTED_DOCUMENT", `${pod("  - {name: a, image: b:1}\n")}sops: {mac: x}\n`],
    ["block-scalar", pod("  - name: a\n    image: |-\n      b:1\n")],
    ["block-scalar", pod("  - name: a\n    image: >\n      b:1\n")],
    ["shared-anchor", `x: &i b:1\n${pod("  - {name: a, image: *i}\n")}`],
    ["shared-anchor", `${pod("  - {name: a, image: &i b:1}\n")}x: *i\n`],
    ["shared-anchor", `${pod("  - &c {name: a, image: b:1}\n")}x: *c\n`],
    [
      "shared-anchor",
      `x: &l\n  - {name: a, image: b:1}\n${pod("").replace("containers:\n", "containers: *l\n")}`,
    ],
    ["merge-key", `x: &d {image: b:1}\n${pod("  - {name: a, <<: *d}\n")}`],
    ["merge-key", `x: &d {image: b:1}\n${pod("  - {name: a, <<: [{y: 1}, *d]}\n")}`],
    ["merge-key", pod("  - {name: a, <<: {image: b:1}}\n")],
  ])("%s", (reason, text) => {
    expect(firstContainer(text)).toMatchObject({ image: "b:1", editable: false, reason });
  });
  test.each([
    ["an anchor nobody uses", pod("  - {name: a, image: &i b:1}\n")],
    ["its own key beside a merge", `x: &d {image: c, y: 1}\n${pod("  - {<<: *d, name: a, image: b:1}\n")}`],
    ["an explicit tag", pod("  - {name: a, image: !!str b:1}\n")],
    ["a value on the next line", pod("  - name: a\n    image:\n      b:1\n")],
  ])("is editable with %s", (_, text) => {
    expect(firstContainer(text)).toMatchObject({ image: "b:1", editable: true });
  });
  test("a number is no image", () => {
    expect(firstContainer(pod("  - {name: a, image: 1.10}"))).toMatchObject({
      image: "1.10",
      reason: "not-text",
    });
  });
});

describe("the object as committed", () => {
  test("is read as Kubernetes reads YAML", () => {
    const text = pod(
      `  - name: a
    image: b
    args: [80:80, 2024-01-15, yes, 0o17, 0X1F, 1_000, "1.10", 1e3]
    mode: 0644
`,
    );
    expect(documentAt(text, { namespace: "default", kind: "pod", name: "web" }, o)).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default" },
      spec: {
        containers: [
          {
            name: "a",
            image: "b",
            args: ["80:80", "2024-01-15", true, 15, 31, 1000, "1.10", 1000],
            mode: 420,
          },
        ],
      },
    });
  });
  test("has its anchors and merges resolved", () => {
    const text = `x: &d {image: b:1, name: z}\n${pod("  - {<<: *d, name: a}\n")}`;
    expect(documentAt(text, { namespace: "default", kind: "pod", name: "web" }, o)).toMatchObject({
      spec: { containers: [{ name: "a", image: "b:1" }] },
    });
  });
  test("is undefined when it is not declared, and broken when declared twice", () => {
    const web = { namespace: "default", kind: "pod", name: "web" };
    const text = pod("  - {name: a, image: b}\n");
    expect(documentAt(text, { ...web, name: "other" }, o)).toBeUndefined();
    expect(() => documentAt(`${text}---\n${text}`, web, o)).toThrow("declared twice");
  });
});

test("a text that does not mention the image needs no parsing", () => {
  expect(mentionsImage(frontEnd, "weaveworksdemos/front-end")).toBe(true);
  expect(mentionsImage(frontEnd, "weaveworksdemos/cart")).toBe(false);
});

// Other people's manifests, tried when the machine has them.
const inputs = process.env["SLIPWAY_INPUTS"];
const inputFiles = inputs === undefined ? [] : globSync(`${inputs}/**/*.y*ml`);

if (inputFiles.length > 0) {
  test("edits and restores every image other people wrote", () => {
    const digest = `sha256:${"b".repeat(64)}`;
    for (const file of inputFiles) {
      const text = readFileSync(file, "utf8");
      for (const { id, containers } of readManifest(text, o).workloads) {
        for (const { name, image } of containers) {
          const to = formatImageRef(withTag(parseImageRef(image), { tag: "9.9.9", digest }));
          const edited = editImages(text, [{ workload: id, container: name, image: to }], o);
          if (!edited.ok) throw new Error(`${file}: ${edited.detail}`);
          expect(revertChanges(edited.text, edited.changes, o)).toMatchObject({ ok: true, text });
        }
      }
    }
  });
}
