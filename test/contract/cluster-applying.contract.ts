import { expect, test } from "vitest";

import { aCronJob, aDeployment, aStatefulSet, guarded, live, refusal } from "./cluster-lab.ts";
import type { ClusterLab } from "./cluster-lab.ts";

const createOnly = { resourceVersion: "1" };
const unknownUid = "00000000-0000-4000-8000-000000000000";

/** Server-side apply: guards, conflicts, force, dry run, strictness, taking over. */
export function statesApplying(lab: () => ClusterLab): void {
  statesGuards(lab);
  statesOwnership(lab);
  statesRefusals(lab);
}

function statesGuards(lab: () => ClusterLab): void {
  test("an apply creates what is missing, and one guarded by version 1 does only that", async () => {
    const namespace = await lab().namespace();
    const object = guarded(aDeployment({ namespace }, "test/ready:1"), createOnly);
    expect((await lab().apply(object)).status).toBe(201);
    const again = refusal(await lab().apply(object));
    expect(again.httpStatus).toBe(409);
    expect(again.details?.causes ?? []).toEqual([]);
  });

  test("a version without a uid on a missing object creates it", async () => {
    const namespace = await lab().namespace();
    const object = guarded(aDeployment({ namespace }, "test/ready:1"), { resourceVersion: "12345" });
    expect((await lab().apply(object)).status).toBe(201);
  });

  test("uid and version on a missing object are a conflict and create nothing", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    const guard = { uid: unknownUid, resourceVersion: "12345" };
    const refused = refusal(await lab().apply(guarded(object, guard)));
    expect(refused.httpStatus).toBe(409);
    expect(refused.details?.causes ?? []).toEqual([]);
    expect(refused.message).toContain("uid mismatch");
    expect((await lab().read(object)).status).toBe(404);
  });

  test("another uid than the object's is invalid", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    const { resourceVersion = "" } = live(await lab().apply(object)).metadata;
    const refused = refusal(await lab().apply(guarded(object, { uid: unknownUid, resourceVersion })));
    expect(refused).toMatchObject({ httpStatus: 422, reason: "Invalid" });
  });

  test("an old version is a conflict without causes, forced or not", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    const { uid = "", resourceVersion = "" } = live(await lab().apply(object)).metadata;
    live(await lab().apply(aCronJob({ namespace }, "test/ready:2")));
    const late = guarded(aCronJob({ namespace }, "test/ready:3"), { uid, resourceVersion });
    for (const force of ["false", "true"]) {
      const refused = refusal(await lab().apply(late, { force }));
      expect(refused).toMatchObject({ httpStatus: 409, reason: "Conflict" });
      expect(refused.details?.causes ?? []).toEqual([]);
    }
  });

  test("uid and version of a fresh read let the apply through", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    const { uid = "", resourceVersion = "" } = live(await lab().read(object)).metadata;
    const next = guarded(aCronJob({ namespace }, "test/ready:2"), { uid, resourceVersion });
    const applied = await lab().apply(next);
    expect(applied.status).toBe(200);
    expect(live(applied).metadata).toMatchObject({ uid, generation: 2 });
    expect(live(applied).metadata.resourceVersion).not.toBe(resourceVersion);
  });

  test("an unchanged apply moves nothing", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    const first = live(await lab().apply(object)).metadata;
    const second = live(await lab().apply(object)).metadata;
    expect(second).toMatchObject({ generation: 1, resourceVersion: first.resourceVersion });
  });

  test("a dry run answers as the apply would, and leaves nothing", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    expect((await lab().apply(object, { dryRun: "All" })).status).toBe(201);
    expect((await lab().read(object)).status).toBe(404);
    const before = live(await lab().apply(object)).metadata;
    const dry = await lab().apply(aCronJob({ namespace }, "test/ready:2"), { dryRun: "All" });
    expect(dry.status).toBe(200);
    expect(JSON.stringify(dry.body)).toContain("test/ready:2");
    expect(live(await lab().read(object)).metadata.resourceVersion).toBe(before.resourceVersion);
  });

  test("an annotation raises the generation of a Deployment, not of a StatefulSet", async () => {
    const namespace = await lab().namespace();
    const annotations = { "example.com/note": "1" };
    live(await lab().apply(aDeployment({ namespace, name: "d" }, "test/ready:1")));
    live(await lab().apply(aStatefulSet({ namespace, name: "s" }, "test/ready:1")));
    const d = live(await lab().apply(aDeployment({ namespace, name: "d" }, "test/ready:1", { annotations })));
    const s = live(
      await lab().apply(aStatefulSet({ namespace, name: "s" }, "test/ready:1", { annotations })),
    );
    expect(d.metadata).toMatchObject({ generation: 2, annotations });
    expect(s.metadata).toMatchObject({ generation: 1, annotations });
  });
}

function statesOwnership(lab: () => ClusterLab): void {
  test("a field of another manager is a conflict that names manager and field; force takes it", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, "test/ready:1"), { fieldManager: "somebody" }));
    const mine = aDeployment({ namespace }, "test/ready:2");
    const refused = refusal(await lab().apply(mine));
    expect(refused).toMatchObject({ httpStatus: 409, reason: "Conflict" });
    expect(refused.details?.causes).toEqual([
      {
        reason: "FieldManagerConflict",
        message: expect.stringContaining('conflict with "somebody"'),
        field: '.spec.template.spec.containers[name="app"].image',
      },
    ]);
    const forced = live(await lab().apply(mine, { force: "true" }));
    expect(forced.spec.template.spec.containers[0]?.image).toBe("test/ready:2");
    expect((await lab().apply(mine)).status).toBe(200);
  });

  test("an equal value is owned together, without a conflict", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object, { fieldManager: "somebody" }));
    const applied = live(await lab().apply(object));
    expect(managers(applied)).toEqual(expect.arrayContaining(["somebody Apply", "slipway Apply"]));
  });

  test("a scale by another manager makes the next apply of replicas a conflict", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, "test/ready:1", { replicas: 2 })));
    const object = aDeployment({ namespace }, "test/ready:2", { replicas: 2 });
    live(await lab().patch(object, { type: "merge", body: { spec: { replicas: 3 } } }));
    const refused = refusal(await lab().apply(object));
    expect(refused.details?.causes).toMatchObject([{ field: ".spec.replicas" }]);
  });

  test("replicas that we owned and leave out fall back to 1", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, "test/ready:1", { replicas: 2 })));
    const applied = live(await lab().apply(aDeployment({ namespace }, "test/ready:1")));
    expect(applied.spec.replicas).toBe(1);
  });

  test("a field that another manager set stays when our document does not have it", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    live(await lab().patch(object, { type: "merge", body: { metadata: { annotations: { theirs: "1" } } } }));
    const applied = live(await lab().apply(aDeployment({ namespace }, "test/ready:2")));
    expect(applied.metadata.annotations).toMatchObject({ theirs: "1" });
  });

  test("what kubectl owned can be moved to us by a JSON patch that tests the version", async () => {
    const namespace = await lab().namespace();
    const kubectl = { fieldManager: "kubectl-client-side-apply" };
    const path = `/apis/batch/v1/namespaces/${namespace}/cronjobs`;
    const plain = aCronJob({ namespace }, "test/ready:1");
    const theirs = { ...plain, metadata: { ...plain.metadata, annotations: { old: "1" } } };
    live(await lab().api.request({ method: "POST", path, query: kubectl, body: theirs }));
    const object = live(await lab().read(theirs));
    const fields = object.metadata["managedFields"] as ManagedFields[];
    const moved = fields.map((entry) =>
      entry.manager === kubectl.fieldManager ? { ...entry, manager: "slipway", operation: "Apply" } : entry,
    );
    const version = object.metadata.resourceVersion;
    const body = [
      { op: "test", path: "/metadata/resourceVersion", value: version },
      { op: "replace", path: "/metadata/managedFields", value: moved },
    ];
    const taken = live(await lab().patch(object, { type: "json", body }));
    expect(managers(taken)).toContain("slipway Apply");
    expect(managers(taken)).not.toContain("kubectl-client-side-apply Update");
    const applied = live(await lab().apply(aCronJob({ namespace }, "test/ready:2")));
    expect(JSON.stringify(applied["spec"])).toContain("test/ready:2");
    // Gone because it was ours and our document no longer has it.
    expect(applied.metadata.annotations ?? {}).not.toHaveProperty("old");
  });

  test("a JSON patch whose test fails changes nothing", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    live(await lab().create(object));
    const body = [
      { op: "test", path: "/metadata/resourceVersion", value: "1" },
      { op: "add", path: "/metadata/annotations", value: { a: "1" } },
    ];
    expect((await lab().patch(object, { type: "json", body })).status).toBeGreaterThanOrEqual(400);
    expect(live(await lab().read(object)).metadata.annotations).toBeUndefined();
  });
}

function statesRefusals(lab: () => ClusterLab): void {
  test("an unknown field is refused for good, in a dry run too", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    const odd = { ...object, spec: { ...(object["spec"] as object), replicaz: 2 } };
    for (const query of [{}, { dryRun: "All" }] as Record<string, string>[]) {
      const refused = refusal(await lab().apply(odd, query));
      expect(refused.httpStatus).toBe(500);
      expect(refused.message).toContain(".spec.replicaz: field not declared in schema");
    }
    expect((await lab().read(object)).status).toBe(404);
  });

  test("a value of the wrong type is refused for good", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    const odd = { ...object, spec: { ...(object["spec"] as object), replicas: "two" } };
    const refused = refusal(await lab().apply(odd));
    expect(refused.httpStatus).toBeGreaterThanOrEqual(400);
    expect(refused.message).toContain("failed to create typed patch object");
  });

  test("an invalid value is a 422 that names the field", async () => {
    const namespace = await lab().namespace();
    const refused = refusal(await lab().apply(aDeployment({ namespace }, "test/ready:1", { replicas: -1 })));
    expect(refused).toMatchObject({ httpStatus: 422, reason: "Invalid" });
    expect(refused.details?.causes).toMatchObject([{ field: "spec.replicas" }]);
  });

  test("an immutable selector is a 422 that names the field", async () => {
    const namespace = await lab().namespace();
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    const labels = { app: "other" };
    const spec = object["spec"] as { template: object };
    const template = { ...spec.template, metadata: { labels } };
    const changed = { ...object, spec: { ...spec, selector: { matchLabels: labels }, template } };
    const refused = refusal(await lab().apply(changed));
    expect(refused).toMatchObject({ httpStatus: 422, reason: "Invalid" });
    expect(refused.details?.causes?.map((cause) => cause.field)).toContain("spec.selector");
  });

  test("an apply into a missing namespace is a 404", async () => {
    const refused = refusal(await lab().apply(aDeployment({ namespace: "contract-absent" }, "test/ready:1")));
    expect(refused).toMatchObject({ httpStatus: 404, reason: "NotFound" });
  });
}

interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
}

function managers(object: { readonly metadata: Readonly<Record<string, unknown>> }): string[] {
  const fields = (object.metadata["managedFields"] ?? []) as ManagedFields[];
  return fields.map((entry) => `${entry.manager} ${entry.operation}`);
}
