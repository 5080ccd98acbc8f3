import { describe, expect, test } from "vitest";
import { editImages, type EditResult } from "./manifest.ts";

const o = { defaultNamespace: "default" };

interface Shape {
  readonly labels?: string;
  readonly podLabels?: string;
  readonly selector?: string;
  readonly containers?: string;
}

const deployment = (shape: Shape): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web${shape.labels ?? ""}}
spec:
  selector: {matchLabels: {app: web}${shape.selector ?? ""}}
  template:
    metadata:
      labels: {app: web${shape.podLabels ?? ""}}
    spec:
      containers: [${shape.containers ?? "{name: a, image: b:1.0}"}]
`;

const release = (
  text: string,
  image = "b:1.1",
  ...more: readonly (readonly [string, string])[]
): EditResult => {
  const workload = { namespace: "default", kind: "deployment", name: "web" };
  const edits = [["a", image] as const, ...more];
  return editImages(
    text,
    edits.map(([container, to]) => ({ workload, container, image: to })),
    o,
  );
};

const fields = (result: EditResult): readonly string[] =>
  result.ok ? result.changes.map((change) => `${change.field} ${change.to}`) : [result.reason];

const reasons = (result: EditResult): readonly string[] =>
  result.ok ? result.left.map((one) => one.reason) : [];

describe("a version label that repeats the tag", () => {
  test("follows the image in the object and in its template", () => {
    const text = deployment({
      labels: ", version: '1.0', app.kubernetes.io/version: v1.0",
      podLabels: ', version: "1.0", app.kubernetes.io/version: "1.0"',
    });
    const result = release(text);
    expect(fields(result)).toEqual([
      "image b:1.1",
      "/metadata/labels/version '1.1'",
      '/spec/template/metadata/labels/version "1.1"',
      '/spec/template/metadata/labels/app.kubernetes.io~1version "1.1"',
    ]);
    expect(reasons(result)).toEqual([]);
  });
  test("follows when it was a number to its reader, and becomes text", () => {
    expect(fields(release(deployment({ podLabels: ", version: 1.0" })))).toContain(
      '/spec/template/metadata/labels/version "1.1"',
    );
  });
  test("stays when it says something else", () => {
    const result = release(deployment({ podLabels: ", version: '1'" }));
    expect(fields(result)).toEqual(["image b:1.1"]);
    expect(reasons(result)).toEqual([]);
  });
  test("stays, everywhere, when the selector holds it", () => {
    const text = deployment({ labels: ", version: '1.0'", podLabels: ", version: '1.0'" });
    const byLabel = text.replace("matchLabels: {app: web}", "matchLabels: {app: web, version: '1.0'}");
    expect(fields(release(byLabel))).toEqual(["image b:1.1"]);
    expect(reasons(release(byLabel))).toEqual(["label-in-selector", "label-in-selector"]);
    const byExpression = deployment({
      podLabels: ", version: '1.0'",
      selector: ", matchExpressions: [{key: version, operator: Exists}]",
    });
    expect(reasons(release(byExpression))).toEqual(["label-in-selector"]);
  });
  test("stays when the new tag cannot be a label", () => {
    const result = release(deployment({ podLabels: ", version: '1.0'" }), `b:${"x".repeat(70)}`);
    expect(reasons(result)).toEqual(["invalid-label"]);
    expect(reasons(release(deployment({ podLabels: ", version: '1.0'" }), "b:1.1-"))).toEqual([
      "invalid-label",
    ]);
  });
  test("stays when there is no new tag", () => {
    const result = release(deployment({ podLabels: ", version: '1.0'" }), `b@sha256:${"a".repeat(64)}`);
    expect(reasons(result)).toEqual(["no-new-tag"]);
  });
  test("stays when its bytes are shared", () => {
    const text = deployment({ labels: ", version: &v '1.0'", podLabels: ", version: *v" });
    expect(fields(release(text))).toEqual(["image b:1.1"]);
    expect(reasons(release(text))).toEqual(["shared-anchor", "shared-anchor"]);
  });
});

describe("two containers with the old tag", () => {
  const text = deployment({
    podLabels: ", version: '1.0'",
    containers: "{name: a, image: b:1.0}, {name: c, image: d:1.0}",
  });
  test("leave the label where it is when one of them stays", () => {
    const result = release(text);
    expect(fields(result)).toEqual(["image b:1.1"]);
    expect(result).toMatchObject({
      left: [
        {
          workload: "default:deployment/web",
          container: "a",
          field: "/spec/template/metadata/labels/version",
          reason: "ambiguous-tag",
        },
      ],
    });
  });
  test("leave it when they part", () => {
    expect(reasons(release(text, "b:1.1", ["c", "d:1.2"]))).toEqual(["ambiguous-tag"]);
  });
  test("take it along when they move together", () => {
    expect(fields(release(text, "b:1.1", ["c", "d:1.1"]))).toContain(
      "/spec/template/metadata/labels/version '1.1'",
    );
  });
});

test("the selector of a replication controller is its labels", () => {
  const text = `apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  selector: {version: '1.0'}
  template:
    metadata: {labels: {version: '1.0'}}
    spec: {containers: [{name: a, image: b:1.0}]}
`;
  const workload = { namespace: "default", kind: "replicationcontroller", name: "web" };
  expect(reasons(editImages(text, [{ workload, container: "a", image: "b:2" }], o))).toEqual([
    "label-in-selector",
  ]);
});

test("a cron job is labelled in three places", () => {
  const labels = "metadata: {labels: {version: v1}}";
  const text = `apiVersion: batch/v1
kind: CronJob
metadata: {name: web, labels: {version: v1}}
spec:
  jobTemplate:
    ${labels}
    spec:
      template:
        ${labels}
        spec: {containers: [{name: a, image: b:v1}]}
`;
  const workload = { namespace: "default", kind: "cronjob", name: "web" };
  const result = editImages(text, [{ workload, container: "a", image: "b:v2" }], o);
  expect(result).toMatchObject({
    ok: true,
    text: text.replaceAll("v1}", "v2}").replace("batch/v2", "batch/v1"),
  });
});
