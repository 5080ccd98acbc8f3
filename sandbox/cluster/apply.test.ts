import { describe, expect, test } from "vitest";

import { StatusError } from "./errors.ts";
import { at, objectAt, withAt, type Json, type JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";
import { aDeployment, createRig } from "./rig.ts";

const quiet = { controllers: false };

function fieldsOf(object: KubeObject, manager: string): JsonObject | undefined {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;
}

function refusal(act: () => unknown): StatusError {
  try {
    act();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

function withContainers(containers: readonly Json[]): JsonObject {
  return withAt(aDeployment("web:1"), ["spec", "template", "spec", "containers"], containers);
}

function containersOf(object: KubeObject): Json | undefined {
  return at(object.spec, "template", "spec", "containers");
}

describe("ownership", () => {
  test("an applier owns what it wrote, by the keys of lists, and not the defaults", () => {
    const rig = createRig(quiet);
    const container = {
      name: "app",
      image: "web:1",
      args: ["a"],
      ports: [{ containerPort: 80 }],
      env: [{ name: "A", value: "1" }],
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    };
    const document = withAt(
      withContainers([container]),
      ["spec", "template", "spec", "volumes"],
      [{ name: "v", emptyDir: {} }],
    );
    const fields = fieldsOf(rig.apply(document), "slipway");
    expect(at(fields, "f:spec", "f:template", "f:spec")).toEqual({
      "f:containers": {
        'k:{"name":"app"}': {
          ".": {},
          "f:args": {},
          "f:env": { 'k:{"name":"A"}': { ".": {}, "f:name": {}, "f:value": {} } },
          "f:image": {},
          "f:name": {},
          "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
          "f:volumeMounts": { 'k:{"mountPath":"/v"}': { ".": {}, "f:mountPath": {}, "f:name": {} } },
        },
      },
      "f:volumes": { 'k:{"name":"v"}': { ".": {}, "f:emptyDir": {}, "f:name": {} } },
    });
    expect(at(fields, "f:spec", "f:selector")).toEqual({});
    expect(at(fields, "f:spec", "f:replicas")).toBeUndefined();
  });

  test("whoever creates an object owns its defaults too", () => {
    const rig = createRig(quiet);
    const fields = fieldsOf(rig.create(aDeployment("web:1")), "kubectl-create");
    expect(objectAt(fields, "f:spec")).toMatchObject({ "f:replicas": {}, "f:progressDeadlineSeconds": {} });
    expect(at(fields, "f:status")).toBeUndefined();
    expect(at(fields, "f:metadata")).toBeUndefined();
  });

  test("a later write takes the fields it changes from their owner", () => {
    const rig = createRig(quiet);
    rig.apply(aDeployment("web:1", { replicas: 2 }));
    const scaled = rig.merge(aDeployment("web:1"), { spec: { replicas: 3 } }, "scaler");
    expect(fieldsOf(scaled, "scaler")).toEqual({ "f:spec": { "f:replicas": {} } });
    expect(at(fieldsOf(scaled, "slipway"), "f:spec", "f:replicas")).toBeUndefined();
  });

  test("two appliers of one value own it together", () => {
    const rig = createRig(quiet);
    rig.apply(aDeployment("web:1"), { manager: "other" });
    const both = rig.apply(aDeployment("web:1"));
    expect(both.metadata.managedFields?.map(({ manager }) => manager)).toEqual(["other", "slipway"]);
  });
});

describe("conflicts", () => {
  test("one conflict is told in one line, with the version of an ordinary writer", () => {
    const rig = createRig(quiet);
    rig.create(aDeployment("web:1"), "kubectl");
    const error = refusal(() => rig.apply(aDeployment("web:2")));
    expect(error).toMatchObject({ code: 409, reason: "Conflict" });
    expect(error.message).toBe(
      'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.template.spec.containers[name="app"].image',
    );
  });

  test("several conflicts are grouped by manager and each is a cause", () => {
    const rig = createRig(quiet);
    rig.apply(aDeployment("web:1", { replicas: 2 }), { manager: "other" });
    const error = refusal(() => rig.apply(aDeployment("web:2", { replicas: 3 })));
    expect(error.message.split("\n")).toEqual([
      'Apply failed with 2 conflicts: conflicts with "other":',
      "- .spec.replicas",
      '- .spec.template.spec.containers[name="app"].image',
    ]);
    expect(error.details?.["causes"]).toHaveLength(2);
  });

  test("a field that a status writer owns names the subresource", () => {
    const rig = createRig(quiet);
    const object = rig.apply(aDeployment("web:1"));
    const annotations = { note: "1" };
    rig.hands.updateStatus({ ...object, metadata: { ...object.metadata, annotations } });
    const mine = withAt(aDeployment("web:1"), ["metadata", "annotations"], { note: "2" });
    expect(refusal(() => rig.apply(mine)).message).toContain(
      'conflict with "kube-controller-manager" with subresource "status" using apps/v1: .metadata.annotations.note',
    );
  });

  test("force takes the field, and the other one no longer owns it", () => {
    const rig = createRig(quiet);
    rig.apply(aDeployment("web:1"), { manager: "other" });
    const forced = rig.apply(aDeployment("web:2"), { force: true });
    expect(JSON.stringify(fieldsOf(forced, "other"))).not.toContain("f:image");
    expect(JSON.stringify(fieldsOf(forced, "slipway"))).toContain("f:image");
  });

  test("an old version refuses even a forced apply, without causes", () => {
    const rig = createRig(quiet);
    rig.apply(aDeployment("web:1"));
    const late = withAt(aDeployment("web:2"), ["metadata", "resourceVersion"], "1");
    const error = refusal(() => rig.apply(late, { force: true }));
    expect(error).toMatchObject({ code: 409 });
    expect(error.details?.["causes"]).toBeUndefined();
  });
});

describe("merging", () => {
  test("a field that the applier alone owned and leaves out is taken away", () => {
    const rig = createRig(quiet);
    rig.apply(withAt(aDeployment("web:1"), ["metadata", "annotations"], { a: "1", b: "2" }));
    const next = rig.apply(withAt(aDeployment("web:1"), ["metadata", "annotations"], { b: "2" }));
    expect(next.metadata.annotations).toEqual({ b: "2" });
  });

  test("a field that somebody else owns as well stays when it is left out", () => {
    const rig = createRig(quiet);
    const annotated = withAt(aDeployment("web:1"), ["metadata", "annotations"], { a: "1" });
    rig.apply(annotated);
    rig.apply(annotated, { manager: "other" });
    expect(rig.apply(aDeployment("web:1")).metadata.annotations).toEqual({ a: "1" });
  });

  test("a container that is left out goes with everything in it", () => {
    const rig = createRig(quiet);
    const app = { name: "app", image: "web:1" };
    rig.apply(withContainers([app, { name: "side", image: "side:1" }]));
    const next = rig.apply(withContainers([app]));
    expect(containersOf(next)).toMatchObject([{ name: "app" }]);
  });

  test("a container that somebody injected stays", () => {
    const rig = createRig(quiet);
    const app = { name: "app", image: "web:1" };
    rig.apply(withContainers([app]));
    rig.apply(withContainers([{ name: "proxy", image: "proxy:1" }]), { manager: "injector", force: true });
    const next = rig.apply(withContainers([{ ...app, image: "web:2" }]));
    expect(containersOf(next)).toMatchObject([
      { name: "app", image: "web:2" },
      { name: "proxy", image: "proxy:1" },
    ]);
  });

  test("a list without keys is replaced as a whole", () => {
    const rig = createRig(quiet);
    rig.apply(withContainers([{ name: "app", image: "web:1", args: ["a", "b"] }]));
    const next = rig.apply(withContainers([{ name: "app", image: "web:1", args: ["c"] }]));
    expect(containersOf(next)).toMatchObject([{ args: ["c"] }]);
  });

  test("an unchanged apply moves neither version nor generation nor time", () => {
    const rig = createRig(quiet);
    const first = rig.apply(aDeployment("web:1"));
    expect(rig.apply(aDeployment("web:1"))).toBe(first);
  });

  test("a dry run answers and stores nothing", () => {
    const rig = createRig(quiet);
    const answer = rig.apply(aDeployment("web:1"), { dryRun: true });
    expect(at(answer.spec, "progressDeadlineSeconds")).toBe(600);
    expect(rig.get("Deployment", "web")).toBeUndefined();
  });

  test("the status of a document is left alone", () => {
    const rig = createRig(quiet);
    const applied = rig.apply({ ...aDeployment("web:1"), status: { replicas: 9 } });
    expect(applied.status).toEqual({});
    expect(at(fieldsOf(applied, "slipway"), "f:status")).toBeUndefined();
  });
});
