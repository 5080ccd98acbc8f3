import type { OperationName } from "#common/contracts/operations.ts";

/** A command line that asks for the operation, or why there is none. */
export type OperationUse = { readonly typed: readonly string[] } | { readonly none: string };

const page = "the page itself: a browser opens it";
const hosts = "a git host or a registry calls it";
const job = "01a21068-1e94-7231-a00d-60a045015e39";

/** Each operation of the contract; what a line is typed for is proved by typing it. */
const uses: Partial<Record<OperationName, OperationUse>> = {
  livez: { typed: ["doctor"] },
  readyz: { typed: ["doctor"] },
  openapi: { typed: ["version"] },
  apiPage: { none: "people read it in a browser" },
  listErrors: { none: "people read it in a browser; an error's own text says what to do" },
  showError: { none: "people read it in a browser; an error's own text says what to do" },
  listEnvironments: { typed: ["environment", "list"] },
  checkEnvironment: { typed: ["environment", "check", "default"] },
  listFreezes: { none: "environment list and workloads show them" },
  setFreeze: { typed: ["freeze", "default", "-m", "incident 42"] },
  liftFreeze: { typed: ["unfreeze", "default"] },
  pageHome: { none: page },
  pageWorkload: { none: page },
  pageRelease: { none: page },
  pageJobs: { none: page },
  pageJob: { none: page },
  pageEnvironments: { none: page },
  pageAsset: { none: page },
  createSession: { none: "signing in with a browser: a cookie is of no use to a terminal" },
  deleteSession: { none: "signing out with a browser" },
  listWorkloads: { typed: ["workloads"] },
  getWorkload: { none: "the list holds the same of every workload" },
  listImages: { typed: ["images", "front-end"] },
  listAllImages: { typed: ["images"] },
  workloadHistory: { typed: ["history", "front-end"] },
  getPolicy: { typed: ["policy", "front-end"] },
  setPolicy: { none: "changePolicies does the same, for several workloads in one commit" },
  changePolicies: { typed: ["policy", "front-end", "locked=true"] },
  explainWorkload: { typed: ["explain", "front-end"] },
  showAutomation: { typed: ["automation", "default"] },
  liftHold: { typed: ["unhold", "front-end"] },
  createRelease: { typed: ["release", "front-end", "--latest"] },
  createSync: { typed: ["sync", "front-end"] },
  createRestart: { typed: ["restart", "front-end"] },
  followEnvironment: { none: "it is for pages and programs that stay open" },
  exportJobs: { none: "a stream of JSON lines for other programs: curl asks for it" },
  listDeliveries: { none: "an operator's list, in docs/api.md with curl" },
  redeliver: { none: "beside listDeliveries" },
  listJobs: { typed: ["jobs"] },
  getJob: { typed: ["job", job] },
  listSteps: { typed: ["job", job] },
  followJob: { typed: ["job", job, "--watch"] },
  cancelJob: { typed: ["cancel", job] },
  approveJob: { typed: ["approve", job] },
  rejectJob: { typed: ["reject", job] },
  endJob: { typed: ["end", job] },
  rollbackJob: { typed: ["rollback", job] },
  getIdentity: { typed: ["doctor"] },
  createToken: { typed: ["token", "create", "ci", "--role", "releaser"] },
  listTokens: { typed: ["token", "list"] },
  revokeToken: { typed: ["token", "revoke", "0c1d8e11", "-y"] },
  listAudit: { typed: ["audit"] },
  gitWebhook: { none: hosts },
  gitWebhookBySecret: { none: hosts },
  registryWebhook: { none: hosts },
  registryWebhookBySecret: { none: hosts },
};

/** How an operation is asked for from a terminal; undefined when nobody said. */
export function useOf(name: OperationName): OperationUse | undefined {
  return name.startsWith("flux") ? { none: "the stock fluxctl calls it" } : uses[name];
}
