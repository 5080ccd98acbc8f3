import { describe, expect, test } from "vitest";

import type { CommittedDocument, LiveObject } from "./live-object.ts";
import { differences } from "./same-object.ts";

const document = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { creationTimestamp: null, labels: { app: "web" } },
      spec: {
        containers: [
          { name: "web", image: "a:1", args: ["-v"], ports: [{ containerPort: 80 }], resources: {} },
          { name: "side", image: "b:1", env: [{ name: "A", value: "1" }] },
        ],
      },
    },
  },
} satisfies CommittedDocument;

const owned = {
  "f:metadata": {
    "f:annotations": {
      "f:applied.slipway.dev/commit": {},
      "f:applied.slipway.dev/environment": {},
      "f:applied.slipway.dev/job": {},
    },
    "f:labels": { "f:app": {} },
  },
  "f:spec": {
    "f:replicas": {},
    "f:selector": {},
    "f:template": {
      "f:metadata": { "f:labels": { "f:app": {} } },
      "f:spec": {
        "f:containers": {
          'k:{"name":"web"}': {
            ".": {},
            "f:args": {},
            "f:image": {},
            "f:name": {},
            "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
            "f:resources": {},
          },
          'k:{"name":"side"}': {
            ".": {},
            "f:env": { 'k:{"name":"A"}': { ".": {}, "f:name": {}, "f:value": {} } },
            "f:image": {},
            "f:name": {},
          },
        },
      },
    },
  },
};

const defaulted = { terminationMessagePath: "/dev/termination-log", imagePullPolicy: "IfNotPresent" };

function live(change: (object: Live) => void = () => undefined): LiveObject {
  const object: Live = structuredClone({
    metadata: {
      name: "web",
      uid: "1",
      resourceVersion: "7",
      labels: { app: "web", theirs: "yes" },
      annotations: { "applied.slipway.dev/commit": "c", "deployment.kubernetes.io/revision": "3" },
      managedFields: [
        { manager: "slipway", operation: "Apply", apiVersion: "apps/v1", fieldsV1: owned },
        { manager: "kube-controller-manager", operation: "Update", subresource: "status", fieldsV1: {} },
      ],
    },
    spec: {
      progressDeadlineSeconds: 600,
      ...document.spec,
      template: {
        metadata: { creationTimestamp: null, labels: { app: "web" }, annotations: { restarted: "now" } },
        spec: {
          restartPolicy: "Always",
          containers: [
            {
              ...document.spec.template.spec.containers[0],
              ...defaulted,
              ports: [{ containerPort: 80, protocol: "TCP" }],
            },
            { ...document.spec.template.spec.containers[1], ...defaulted },
            { name: "injected", image: "mesh:1" },
          ],
        },
      },
    },
  });
  change(object);
  return object;
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests reach deep into an object of the API
type Live = any;

function changed(change: (document: Live) => void): CommittedDocument {
  const copy = structuredClone(document) as Live;
  change(copy);
  return copy as CommittedDocument;
}

describe("what a live object differs in from its document", () => {
  test("is nothing where only defaults, other managers' fields and our annotations are more", () => {
    expect(differences(document, live())).toEqual([]);
  });

  test("is not known of an object that we never applied", () => {
    const theirs = live((object) => object.metadata.managedFields.shift());
    expect(differences(document, theirs)).toBeUndefined();
  });

  test.each<[string, (object: Live) => void, string[]]>([
    ["replicas", (o) => (o.spec.replicas = 5), ["spec.replicas"]],
    [
      "an image",
      (o) => (o.spec.template.spec.containers[1].image = "b:2"),
      ["spec.template.spec.containers[side].image"],
    ],
    [
      "a value in a list of names",
      (o) => (o.spec.template.spec.containers[1].env[0].value = "2"),
      ["spec.template.spec.containers[side].env[A].value"],
    ],
    [
      "a list that is one value",
      (o) => (o.spec.template.spec.containers[0].args = ["-v", "-x"]),
      ["spec.template.spec.containers[web].args"],
    ],
    ["a label", (o) => (o.metadata.labels.app = "other"), ["labels.app"]],
    ["a label that is gone", (o) => delete o.metadata.labels.app, ["labels.app"]],
    [
      "a container that is gone",
      (o) => o.spec.template.spec.containers.splice(1, 1),
      ["spec.template.spec.containers[side]"],
    ],
  ])("is told where somebody changed %s", (_what, change, paths) => {
    const found = differences(document, live(change)) ?? [];
    for (const path of paths) expect(found.some((one) => one.startsWith(path))).toBe(true);
  });

  test.each<[string, (document: Live) => void, string]>([
    ["removed a label", (d) => delete d.metadata.labels.app, "labels.app"],
    ["removed all labels", (d) => delete d.metadata.labels, "labels"],
    ["removed replicas", (d) => delete d.spec.replicas, "spec.replicas"],
    ["removed a container", (d) => d.spec.template.spec.containers.pop(), "spec.template.spec.containers"],
    [
      "removed a variable",
      (d) => delete d.spec.template.spec.containers[1].env,
      "spec.template.spec.containers[side].env",
    ],
    ["added an annotation", (d) => (d.metadata.annotations = { note: "1" }), "annotations.note"],
    ["added a field", (d) => (d.spec.paused = true), "spec.paused"],
    [
      "writes a quantity otherwise",
      (d) => (d.spec.template.spec.containers[0].resources = { limits: { cpu: 1 } }),
      "spec.template.spec.containers[web].resources.limits",
    ],
    ["changed the version of the kind", (d) => (d.apiVersion = "apps/v2"), "apiVersion"],
  ])("is told where git %s", (_what, change, path) => {
    expect(differences(changed(change), live())).toContain(path);
  });

  test("is nothing where the document writes null", () => {
    expect(
      differences(
        changed((d) => (d.spec.strategy = null)),
        live(),
      ),
    ).toEqual([]);
  });

  test("is told where the document has another order", () => {
    const reversed = changed((d) => {
      d.spec.template.spec.containers = d.spec.template.spec.containers.toReversed();
    });
    expect(differences(reversed, live())).toEqual(["spec.template.spec.containers"]);
  });

  test("is told of two items that could be one member", () => {
    const twice = changed((d) => d.spec.template.spec.containers[0].ports.push({ containerPort: 80 }));
    expect(differences(twice, live())).toContain("spec.template.spec.containers[web].ports");
  });

  test("is limited in number", () => {
    const many = changed((d) => {
      d.metadata.labels = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`l${n}`, "x"]));
    });
    expect(differences(many, live())?.length).toBe(20);
  });
});
