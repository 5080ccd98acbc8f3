import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { KubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

/** The parts of `k8s/` that give rights; the order is that of their making. */
const rightsFiles = [
  "base/namespace.yaml",
  "base/watcher-rights.yaml",
  "base/worker-rights.yaml",
  "sync/rights.yaml",
  "nudge/rights.yaml",
];

export interface ServiceTokens {
  readonly watcher: string;
  readonly worker: string;
}

/** Makes the accounts of `k8s/` in a cluster, and a token for each once its rights count. */
export async function makeServiceAccounts(
  api: KubeApi,
  kubectlApply: (text: string) => Promise<void>,
): Promise<ServiceTokens> {
  const folder = join(import.meta.dirname, "../../k8s");
  const texts = await Promise.all(rightsFiles.map((file) => readFile(join(folder, file), "utf8")));
  await kubectlApply(texts.join("\n---\n"));
  const watcher = await tokenOf(api, "slipway-cluster-watcher");
  const worker = await tokenOf(api, "slipway-release-worker");
  await untilAllowed(api, "slipway-cluster-watcher", { verb: "watch", group: "", resource: "pods" });
  await untilAllowed(api, "slipway-release-worker", {
    verb: "patch",
    group: "apps",
    resource: "deployments",
  });
  return { watcher, worker };
}

async function tokenOf(api: KubeApi, account: string): Promise<string> {
  const path = `/api/v1/namespaces/slipway/serviceaccounts/${account}/token`;
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await api.request({ method: "POST", path, body });
  const { status } = answer.body as { status?: { token?: string } };
  if (status?.token === undefined) throw new Error(`no token for ${account}: ${answer.status}`);
  return status.token;
}

/** New roles count a moment after they were made. */
async function untilAllowed(
  api: KubeApi,
  account: string,
  what: { verb: string; group: string; resource: string },
): Promise<void> {
  const user = `system:serviceaccount:slipway:${account}`;
  const spec = { user, groups: ["system:authenticated"], resourceAttributes: { ...what, namespace: "shop" } };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  const isAllowed = async (): Promise<boolean> => {
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const answer = await api.request({ method: "POST", path, body });
    return (answer.body as { status?: { allowed?: boolean } }).status?.allowed === true;
  };
  await pollUntil(isAllowed, { everyMs: 50, timeoutMs: 30_000, what: `the rights of ${account}` });
}
