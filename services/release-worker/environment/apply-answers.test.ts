import { describe, expect, test } from "vitest";

import {
  conflictsOf,
  isAboutChange,
  mayTakeFrom,
  messageOf,
  refusalOf,
  takeoverPatch,
  type Answer,
} from "./apply-answers.ts";
import type { LiveObject, ManagedFields } from "./live-object.ts";

const status = (code: number, message: string, more: object = {}): Answer => ({
  status: code,
  body: { kind: "Status", message, ...more },
});

const conflict = (message: string, field = ".spec.replicas", reason = "FieldManagerConflict") =>
  status(409, "Apply failed with 1 conflict", { details: { causes: [{ reason, message, field }] } });

describe("a conflict of field managers", () => {
  test("names each manager and field", () => {
    const answer = status(409, "Apply failed with 2 conflicts", {
      details: {
        causes: [
          {
            reason: "FieldManagerConflict",
            message: 'conflict with "kubectl-edit" using apps/v1',
            field: ".spec.replicas",
          },
          { reason: "FieldManagerConflict", message: "of some other kind", field: ".spec.paused" },
          { reason: "FieldManagerConflict" },
        ],
      },
    });
    expect(conflictsOf(answer)).toEqual([
      { manager: "kubectl-edit", field: ".spec.replicas" },
      { manager: "another manager", field: ".spec.paused" },
      { manager: "another manager", field: "" },
    ]);
  });
  test.each<[string, Answer]>([
    ["a precondition that failed", status(409, "the object has been modified")],
    ["causes of another kind", conflict("x", "metadata.uid", "UidMismatch")],
    ["another status", { ...conflict('conflict with "a"'), status: 422 }],
    ["an answer in plain text", { status: 409, body: "Conflict" }],
    ["an answer without a body", { status: 409, body: null }],
  ])("is none for %s", (_, answer) => {
    expect(conflictsOf(answer)).toEqual([]);
  });
  test.each([
    ["kubectl-client-side-apply", true],
    ["kubectl-edit", true],
    ["kubectl", true],
    ["helm", true],
    ["Helm", true],
    ["flux", true],
    ["fluxd", true],
    ["weave-flux", true],
    ["before-first-apply", true],
    ["kustomize-controller", false],
    ["argocd-controller", false],
    ["flux-operator", false],
    ["horizontal-pod-autoscaler", false],
    ["another manager", false],
  ])("with %s may be taken over: %s", (manager, taken) => {
    expect(mayTakeFrom({ manager, field: ".spec" })).toBe(taken);
  });
});

describe("what an answer says", () => {
  test.each<[Answer, string]>([
    [status(422, "spec.selector: immutable"), "spec.selector: immutable"],
    [{ status: 429, body: "Too many requests" }, "Too many requests"],
    [{ status: 502, body: {} }, "HTTP 502"],
    [{ status: 502, body: null }, "HTTP 502"],
    [{ status: 502, body: { message: 7 } }, "HTTP 502"],
  ])("%j", (answer, message) => {
    expect(messageOf(answer)).toBe(message);
  });
  test("is cut where a proxy answers with a page", () => {
    expect(messageOf({ status: 502, body: "x".repeat(9_000) })).toHaveLength(500);
    expect(messageOf(status(422, "x".repeat(9_000)))).toHaveLength(1_000);
  });
});

describe("a refusal", () => {
  const rbac =
    'deployments.apps "admission-web" is forbidden: User "system:serviceaccount:a:b" cannot patch resource';
  const cases: readonly [string, Answer, string][] = [
    [
      "an unknown field (a 500 without reason)",
      status(500, "failed to create typed patch object (a; apps/v1): .spec.x: field not declared in schema"),
      "APPLY_REFUSED",
    ],
    ["a wrong type", status(500, "failed to create typed patch object: expected numeric"), "APPLY_REFUSED"],
    ["another 500", status(500, "etcdserver: request timed out"), "CLUSTER_UNAVAILABLE"],
    ["an invalid value", status(422, "spec.replicas: must be >= 0"), "APPLY_REFUSED"],
    ["a bad request", status(400, "strict decoding error"), "APPLY_REFUSED"],
    ["a missing namespace", status(404, 'namespaces "x" not found'), "APPLY_REFUSED"],
    ["a missing kind (plain text)", { status: 404, body: "404 page not found" }, "APPLY_REFUSED"],
    [
      "a policy of admission",
      status(403, "admission webhook denied the request: no latest tags"),
      "APPLY_REFUSED",
    ],
    ["a policy expression", status(403, "ValidatingAdmissionPolicy 'p' denied request: no"), "APPLY_REFUSED"],
    [
      "pod security",
      status(403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'),
      "APPLY_REFUSED",
    ],
    ["a quota", status(403, 'deployments.apps "x" is forbidden: exceeded quota: objects'), "APPLY_REFUSED"],
    ["missing rights, whatever the object is called", status(403, rbac), "APPLY_FORBIDDEN"],
    ["a proxy that says no more", { status: 403, body: "Forbidden" }, "APPLY_FORBIDDEN"],
    ["a token that is not accepted", status(401, "Unauthorized"), "APPLY_FORBIDDEN"],
    ["a conflict", conflict('conflict with "argocd"'), "APPLY_CONFLICT"],
    ["too many requests", { status: 429, body: "Too many requests" }, "CLUSTER_UNAVAILABLE"],
    ["a server that is away", { status: 503, body: null }, "CLUSTER_UNAVAILABLE"],
  ];
  test.each(cases)("for %s has its code", (_, answer, code) => {
    const error = refusalOf(answer, "deploy/violates-admission.yaml");
    expect(error.code).toBe(code);
    expect(error.detail).toBe(`deploy/violates-admission.yaml: ${messageOf(answer)}`);
  });
  test("of a token says where to look", () => {
    expect(refusalOf(status(401, "Unauthorized"), "a.yaml").hint).toMatch(/kubeconfig or service account/);
  });
});

describe("taking over what a tool applied", () => {
  const entry = (manager: string, fieldsV1: object, more: Partial<ManagedFields> = {}): ManagedFields => ({
    manager,
    operation: "Update",
    apiVersion: "apps/v1",
    fieldsType: "FieldsV1",
    time: "2016-11-18T16:00:00Z",
    fieldsV1,
    ...more,
  });
  const live = (managedFields: ManagedFields[], annotations: Record<string, string> = {}): LiveObject => ({
    metadata: { name: "web", uid: "u", resourceVersion: "42", annotations, managedFields },
  });
  const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

  test("makes its fields ours in one entry, tests the version, and leaves all others", () => {
    const controller = entry("kube-controller-manager", { "f:status": {} }, { subresource: "status" });
    const apply = entry("kubectl-client-side-apply", { "f:spec": { "f:replicas": {}, "f:paused": {} } });
    const edit = entry("kubectl-edit", { "f:spec": { "f:replicas": {}, "f:template": { "f:x": {} } } });
    const patch = takeoverPatch(live([apply, controller, edit], { [lastApplied]: "{}" }));
    expect(patch).toEqual([
      { op: "test", path: "/metadata/resourceVersion", value: "42" },
      {
        op: "replace",
        path: "/metadata/managedFields",
        value: [
          controller,
          {
            ...apply,
            manager: "slipway",
            operation: "Apply",
            fieldsV1: { "f:spec": { "f:replicas": {}, "f:paused": {}, "f:template": { "f:x": {} } } },
          },
        ],
      },
      { op: "remove", path: "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration" },
    ]);
  });
  test("leaves a restart by kubectl with kubectl, or the next apply would restart once more", () => {
    const inTemplate = (fields: object) => ({ "f:template": { "f:metadata": { "f:annotations": fields } } });
    const restartedAt = { "f:kubectl.kubernetes.io/restartedAt": {} };
    const rollout = entry("kubectl-rollout", { "f:spec": inTemplate(restartedAt) });
    const edit = entry("kubectl-edit", {
      "f:spec": { "f:paused": {}, ...inTemplate({ ".": {}, "f:x": {}, ...restartedAt }) },
    });
    const [, replace] = takeoverPatch(live([rollout, edit])) ?? [];
    expect(replace).toMatchObject({
      value: [
        rollout,
        { ...edit, fieldsV1: { "f:spec": inTemplate(restartedAt) } },
        {
          manager: "slipway",
          fieldsV1: { "f:spec": { "f:paused": {}, ...inTemplate({ ".": {}, "f:x": {} }) } },
        },
      ],
    });
  });
  test("removes no annotation that is not there", () => {
    expect(takeoverPatch(live([entry("helm", { "f:spec": {} })]))).toHaveLength(2);
  });
  test.each<[string, ManagedFields[]]>([
    ["we applied before", [entry("kubectl-edit", {}), entry("slipway", {}, { operation: "Apply" })]],
    ["only controllers wrote", [entry("kube-controller-manager", {})]],
    ["a tool wrote a subresource only", [entry("kubectl", {}, { subresource: "scale" })]],
    ["a tool applied on the server, which force takes over", [entry("kubectl", {}, { operation: "Apply" })]],
    ["another applier owns it", [entry("argocd-controller", {})]],
    ["nobody is named", []],
  ])("has nothing to do where %s", (_, entries) => {
    expect(takeoverPatch(live(entries))).toBeUndefined();
  });
  test("has nothing to do for an object without managed fields", () => {
    expect(takeoverPatch({ metadata: { name: "web", uid: "u", resourceVersion: "1" } })).toBeUndefined();
  });
});

describe("a conflict about what a job changed", () => {
  const about = (field: string, change: { container: string; field: string }): boolean =>
    isAboutChange({ manager: "rival", field }, [
      { workload: "shop:deployment/web", from: "web:1", to: "web:2", ...change },
    ]);
  test.each([
    ['.spec.template.spec.containers[name="web"].image', { container: "web", field: "image" }],
    [
      '.spec.jobTemplate.spec.template.spec.initContainers[name="web"].image',
      { container: "web", field: "image" },
    ],
    [
      ".metadata.labels.app.kubernetes.io/version",
      { container: "web", field: "/metadata/labels/app.kubernetes.io~1version" },
    ],
    [
      ".spec.template.metadata.labels.version",
      { container: "web", field: "/spec/template/metadata/labels/version" },
    ],
  ])("is one about %s", (field, change) => {
    expect(about(field, change)).toBe(true);
  });
  test.each([
    ['.spec.template.spec.containers[name="sidecar"].image', { container: "web", field: "image" }],
    ['.spec.template.spec.containers[name="web"].env', { container: "web", field: "image" }],
    [".spec.replicas", { container: "web", field: "image" }],
    [".metadata.labels.team", { container: "web", field: "/metadata/labels/version" }],
  ])("is none about %s", (field, change) => {
    expect(about(field, change)).toBe(false);
  });
});
