import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createKubeApi, type KubeApi } from "#common/kit/kube.ts";

import { clusterChoices, type EnvironmentCluster } from "../support/environment-cluster.ts";

/** What the accounts of `k8s/` may do on a real control plane: this list, and nothing else. */
const listed = join(import.meta.dirname, "../../k8s/rights.json");
const real = clusterChoices().find((choice) => choice.kind === "real");

interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
}

describe.skipIf(real?.available !== true)("the service accounts of k8s/", () => {
  let cluster: EnvironmentCluster;
  let apis: Readonly<Record<"watcher" | "worker", KubeApi>>;
  beforeAll(async () => {
    cluster = await real!.open();
    const [watcher, worker] = await Promise.all([
      createKubeApi({ kubeconfig: cluster.ways.watcher }),
      createKubeApi({ kubeconfig: cluster.ways.worker }),
    ]);
    apis = { watcher, worker };
  });
  afterAll(async () => {
    await apis?.watcher.close();
    await apis?.worker.close();
    await cluster?.stop();
  });

  test.each(["watcher", "worker"] as const)(
    "the %s may do what the list says, and nothing else",
    async (who) => {
      const expected = JSON.parse(await readFile(listed, "utf8")) as Record<string, readonly string[]>;
      expect(await rightsOf(apis[who])).toEqual(expected[who]);
    },
  );

  const deployments = "/apis/apps/v1/namespaces/shop/deployments";
  test.each([
    { who: "watcher", method: "PATCH", path: `${deployments}/any` },
    { who: "watcher", method: "GET", path: "/api/v1/namespaces/shop/secrets" },
    { who: "worker", method: "GET", path: "/api/v1/namespaces/shop/secrets" },
    { who: "worker", method: "DELETE", path: `${deployments}/any` },
    { who: "worker", method: "POST", path: "/api/v1/namespaces/shop/pods/any/exec" },
    {
      who: "worker",
      method: "POST",
      path: "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings",
    },
  ] as const)("$who is refused $method $path", async ({ who, method, path }) => {
    const body = method === "PATCH" || method === "POST" ? { body: {} } : {};
    const contentType = method === "PATCH" ? { contentType: "application/merge-patch+json" } : {};
    const answer = await apis[who].request({ method, path, ...body, ...contentType });
    expect(answer.status).toBe(403);
  });
});

/** "verb group/resource", sorted; what every account may do about itself is left out. */
async function rightsOf(api: KubeApi): Promise<readonly string[]> {
  const answer = await api.request({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace: "shop" },
    },
  });
  const { status } = answer.body as {
    status: { resourceRules: readonly ResourceRule[]; incomplete: boolean };
  };
  expect(status.incomplete).toBe(false);
  const all = status.resourceRules.flatMap(({ verbs, apiGroups = [], resources = [] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => `${verb} ${group === "" ? "" : `${group}/`}${resource}`),
      ),
    ),
  );
  const own = /^create (authentication\.k8s\.io\/selfsubject|authorization\.k8s\.io\/selfsubject)/;
  return [...new Set(all)].filter((right) => !own.test(right)).toSorted();
}
