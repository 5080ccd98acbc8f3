import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createKubeApi, type KubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { findKubeAssets, howToGetKubeBox, kubeconfigText, startKubeBox } from "../support/kube-box.ts";
import type { KubeBox } from "../support/kube-box.ts";
import { makeServiceAccounts } from "../support/service-accounts.ts";
import { needs } from "../support/skips.ts";

const k8s = join(import.meta.dirname, "../../k8s");
const isReal = needs("a Kubernetes control plane", findKubeAssets() !== undefined, howToGetKubeBox);

const accounts = ["watcher", "worker"] as const;
type Account = (typeof accounts)[number];
type Listed = Readonly<Record<Account | "pull-secrets" | "nodes", readonly string[]>>;

interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
}

describe.skipIf(!isReal)("the service accounts of k8s/", () => {
  let box: KubeBox;
  let folder: string;
  let apis: Readonly<Record<Account, KubeApi>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-rights-"));
    box = await startKubeBox();
    const admin = await createKubeApi({ kubeconfig: box.kubeconfig });
    const tokens = await makeServiceAccounts(admin, box);
    await admin.close();
    const open = async (who: Account): Promise<KubeApi> => {
      const kubeconfig = join(folder, who);
      await writeFile(kubeconfig, kubeconfigText(box.url, tokens[who]), { mode: 0o600 });
      return createKubeApi({ kubeconfig });
    };
    apis = { watcher: await open("watcher"), worker: await open("worker") };
  });
  afterAll(async () => {
    await apis?.watcher.close();
    await apis?.worker.close();
    await box?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(accounts)("the %s may do what the list says, and nothing else", async (who) => {
    expect(await rightsOf(apis[who], "shop")).toEqual((await readListed())[who]);
  });

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

  // Last, since it takes the cluster roles away.
  test("as roles of one namespace they may do the same there, and read pull secrets where that is added, and nothing elsewhere", async () => {
    const expected = await readListed();
    await box.kubectl(["delete", "-k", join(k8s, "rights")]);
    await box.kubectl(["delete", "-k", join(k8s, "nodes")]);
    await box.kubectl(["delete", "-f", join(k8s, "sync/rights.yaml"), "-f", join(k8s, "nudge/rights.yaml")]);
    await box.kubectl(["create", "namespace", "shop"]);
    await box.kubectl(["apply", "-k", await writeOverlay(folder, "shop")]);
    // Roles count a moment after they were made, and go on counting for a moment after they are gone.
    const untilMay = (who: Account, namespace: string, rights: readonly string[]) =>
      pollUntil(async () => isDeepStrictEqual(await rightsOf(apis[who], namespace), rights), {
        everyMs: 50,
        timeoutMs: 30_000,
        what: `the rights of the ${who} in ${namespace}`,
      });
    const ofNamespaces = expected.watcher.filter((right) => !expected.nodes.includes(right));
    const wanted = {
      watcher: [...ofNamespaces, ...expected["pull-secrets"]].toSorted(),
      worker: expected.worker,
    };
    for (const who of accounts) {
      await untilMay(who, "shop", wanted[who]);
      await untilMay(who, "elsewhere", []);
    }
    await box.kubectl(["apply", "-k", join(k8s, "nodes")]);
    await untilMay("watcher", "elsewhere", expected.nodes);
  });
});

async function readListed(): Promise<Listed> {
  return JSON.parse(await readFile(join(k8s, "rights.json"), "utf8")) as Listed;
}

/** A kustomization of an admin's own, as docs/rights.md has it. */
async function writeOverlay(folder: string, namespace: string): Promise<string> {
  const overlay = join(folder, "overlay");
  await mkdir(overlay);
  const from = (part: string): string => relative(overlay, join(k8s, part));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace,
    resources: [from("rights")],
    components: [from("sync"), from("nudge"), from("pull-secrets"), from("as-roles")],
  };
  await writeFile(join(overlay, "kustomization.yaml"), JSON.stringify(kustomization));
  return overlay;
}

/** "verb group/resource", sorted; what every account may do about itself is left out. */
async function rightsOf(api: KubeApi, namespace: string): Promise<readonly string[]> {
  const answer = await api.request({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace } },
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
