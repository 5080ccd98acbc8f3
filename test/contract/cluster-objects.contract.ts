import { expect, test } from "vitest";

import { createKubeApi } from "#common/kit/kube.ts";

import { aCronJob, aDaemonSet, aDeployment, aStatefulSet, live, refusal } from "./cluster-lab.ts";
import type { ClusterLab } from "./cluster-lab.ts";

/** Discovery, creating, reading, listing, deleting, and the shapes of refusals. */
export function statesObjects(lab: () => ClusterLab): void {
  test("discovery tells the path of each kind we write", async () => {
    const { api } = lab();
    const at = { namespace: "shop", name: "web" };
    const path = (apiVersion: string, kind: string) => api.objectPath({ apiVersion, kind, ...at });
    expect(await path("apps/v1", "Deployment")).toBe("/apis/apps/v1/namespaces/shop/deployments/web");
    expect(await path("apps/v1", "StatefulSet")).toBe("/apis/apps/v1/namespaces/shop/statefulsets/web");
    expect(await path("apps/v1", "DaemonSet")).toBe("/apis/apps/v1/namespaces/shop/daemonsets/web");
    expect(await path("batch/v1", "CronJob")).toBe("/apis/batch/v1/namespaces/shop/cronjobs/web");
    expect(await path("batch/v1", "Job")).toBe("/apis/batch/v1/namespaces/shop/jobs/web");
    expect(await path("v1", "Pod")).toBe("/api/v1/namespaces/shop/pods/web");
    expect(await path("v1", "Namespace")).toBe("/api/v1/namespaces/web");
    expect(await api.objectPath({ apiVersion: "apps/v1", kind: "ReplicaSet" })).toBe(
      "/apis/apps/v1/replicasets",
    );
  });

  test("a kind that nobody serves is KIND_UNKNOWN", async () => {
    const unknown = lab().api.objectPath({ apiVersion: "example.com/v1", kind: "Widget", name: "a" });
    await expect(unknown).rejects.toMatchObject({ code: "KIND_UNKNOWN" });
  });

  test("discovery without aggregation names the same groups and resources", async () => {
    const { api } = lab();
    const groups = await api.request({ method: "GET", path: "/apis" });
    expect(groups.body).toMatchObject({ kind: "APIGroupList" });
    const apps = await api.request({ method: "GET", path: "/apis/apps/v1" });
    expect(apps.body).toMatchObject({ kind: "APIResourceList", groupVersion: "apps/v1" });
    const { resources } = apps.body as { resources: unknown[] };
    expect(resources).toContainEqual(
      expect.objectContaining({ name: "deployments", kind: "Deployment", namespaced: true }),
    );
  });

  test("the server says that it is ready, and its version", async () => {
    const { api } = lab();
    const ready = await api.request({ method: "GET", path: "/readyz", connection: "probe" });
    expect(ready).toMatchObject({ status: 200, body: "ok" });
    const version = await api.request({ method: "GET", path: "/version" });
    expect(version.body).toMatchObject({ gitVersion: expect.stringMatching(/^v1\.\d+/) });
  });

  test("the server says whether a credential would be allowed an act", async () => {
    const resourceAttributes = { verb: "patch", group: "apps", resource: "deployments", namespace: "shop" };
    const answer = await lab().api.request({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes },
      },
    });
    expect(answer).toMatchObject({ status: 201, body: { status: { allowed: true } } });
  });

  test.each([
    ["Deployment", aDeployment],
    ["StatefulSet", aStatefulSet],
    ["DaemonSet", aDaemonSet],
    ["CronJob", aCronJob],
  ] as const)("a created %s reads back with uid, version and generation", async (kind, build) => {
    const namespace = await lab().namespace();
    const object = build({ namespace }, "test/ready:1");
    const created = await lab().create(object);
    expect(created.status).toBe(201);
    const read = live(await lab().read(object));
    expect(read).toMatchObject({ kind, metadata: { name: "web", namespace, generation: 1 } });
    expect(read.metadata.uid).toBe(live(created).metadata.uid);
    expect(read.metadata.resourceVersion).toMatch(/^\d+$/);
    const again = refusal(await lab().create(object));
    expect(again).toMatchObject({ httpStatus: 409, kind: "Status", reason: "AlreadyExists" });
  });

  test("a missing object is a 404 with reason and name", async () => {
    const namespace = await lab().namespace();
    const missing = refusal(await lab().read(aDeployment({ namespace, name: "absent" }, "test/ready:1")));
    expect(missing).toMatchObject({ httpStatus: 404, reason: "NotFound", details: { name: "absent" } });
  });

  test("an object for a missing namespace is a 404 that names the namespace", async () => {
    const namespace = "contract-absent";
    const missing = refusal(await lab().create(aDeployment({ namespace }, "test/ready:1")));
    expect(missing).toMatchObject({ httpStatus: 404, reason: "NotFound", details: { name: namespace } });
  });

  test("a path of no kind is a 404 in plain text", async () => {
    const answer = await lab().api.request({ method: "GET", path: "/apis/example.com/v1/widgets" });
    expect(answer).toMatchObject({ status: 404, body: expect.stringContaining("404 page not found") });
  });

  test("a bad token is a 401 for requests and watches", async () => {
    const api = await lab().withToken("not-a-token");
    const path = "/apis/apps/v1/deployments";
    const answer = refusal(await api.request({ method: "GET", path }));
    expect(answer).toMatchObject({ httpStatus: 401, kind: "Status", reason: "Unauthorized" });
    const end = await api.watch({ path, signal: AbortSignal.timeout(10_000), onEvent: () => undefined });
    expect(end).toEqual({ kind: "unauthorized" });
    await api.close();
  });

  test("many requests at once through a new door are all answered", async () => {
    const api = await createKubeApi({ kubeconfig: lab().cluster.kubeconfig });
    const path = "/api/v1/namespaces/default";
    const answers = await Promise.all(Array.from({ length: 50 }, () => api.request({ method: "GET", path })));
    expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
    await api.close();
  });

  test("a list is of one namespace or of all, comes in pages and has a version", async () => {
    const namespace = await lab().namespace();
    for (const name of ["a", "b", "c"]) await lab().create(aCronJob({ namespace, name }, "test/ready:1"));
    const path = `/apis/batch/v1/namespaces/${namespace}/cronjobs`;
    const list = (query: Record<string, string>) => lab().api.request({ method: "GET", path, query });
    const first = (await list({ limit: "2" })).body as List;
    expect(first.items.map((item) => item.metadata.name)).toEqual(["a", "b"]);
    expect(first.metadata.resourceVersion).toMatch(/^\d+$/);
    const rest = (await list({ limit: "2", continue: first.metadata.continue ?? "" })).body as List;
    expect(rest.items.map((item) => item.metadata.name)).toEqual(["c"]);
    expect(rest.metadata.continue ?? "").toBe("");
    const all = (await lab().api.request({ method: "GET", path: "/apis/batch/v1/cronjobs" })).body as List;
    expect(all.items.filter((item) => item.metadata.namespace === namespace)).toHaveLength(3);
  });

  test("a list can be narrowed by label and by field", async () => {
    const namespace = await lab().namespace();
    const named = (name: string, tier: string) => {
      const object = aCronJob({ namespace, name }, "test/ready:1");
      return { ...object, metadata: { ...object.metadata, labels: { tier } } };
    };
    await lab().create(named("a", "front"));
    await lab().create(named("b", "back"));
    const path = `/apis/batch/v1/namespaces/${namespace}/cronjobs`;
    const names = async (query: Record<string, string>) => {
      const answer = await lab().api.request({ method: "GET", path, query });
      return (answer.body as List).items.map((item) => item.metadata.name);
    };
    expect(await names({ labelSelector: "tier=front" })).toEqual(["a"]);
    expect(await names({ fieldSelector: "metadata.name=b" })).toEqual(["b"]);
  });

  test("a deleted object is gone", async () => {
    const namespace = await lab().namespace();
    const object = aCronJob({ namespace }, "test/ready:1");
    await lab().create(object);
    expect((await lab().remove(object)).status).toBe(200);
    expect((await lab().read(object)).status).toBe(404);
    expect((await lab().remove(object)).status).toBe(404);
  });
}

interface List {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly namespace: string } }[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}
