import { join } from "node:path";

import type { KubeApi } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";

import type { KubeBox } from "./kube-box.ts";

const k8s = join(import.meta.dirname, "../../k8s");

export interface ServiceTokens {
  readonly watcher: string;
  readonly worker: string;
}

/** Makes the accounts of `k8s/` in a cluster, with all that may be added, and a token for each once its rights count. */
export async function makeServiceAccounts(
  api: KubeApi,
  box: Pick<KubeBox, "kubectl">,
): Promise<ServiceTokens> {
  await box.kubectl(["apply", "-k", join(k8s, "base")]);
  await box.kubectl(["apply", "-f", join(k8s, "sync/rights.yaml"), "-f", join(k8s, "nudge/rights.yaml")]);
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
