import type { OperationName } from "#common/contracts/operations.ts";

/** What an operation may be asked about: the shop's workload, the vault's, both, or one that is not there. */
export type Target = "shop" | "vault" | "both" | "ghost";

export interface Targets {
  readonly jobs: Readonly<Record<Target, string>>;
  /** Tokens that an admin of the shop, or only one of everything, may see. */
  readonly tokens: Readonly<Record<Target, () => Promise<string>>>;
}

export interface Request {
  readonly path: string;
  readonly body?: unknown;
}

type Recipe = (target: Target, targets: Targets) => Request | Promise<Request>;

const names: Readonly<Record<Target, readonly string[]>> = {
  shop: ["sock-shop/front-end"],
  vault: ["vault/secret"],
  both: ["sock-shop/front-end", "vault/secret"],
  ghost: ["vault/ghost"],
};

function workload(target: Target): string {
  const [namespace, name] = (names[target].at(-1) ?? "").split("/");
  return `/v1/environments/default/workloads/${namespace}/deployment/${name}`;
}

const fixed =
  (path: string): Recipe =>
  () => ({ path });
const ofJob =
  (rest: string): Recipe =>
  (target, { jobs }) => ({ path: `/v1/jobs/${jobs[target]}${rest}` });
const ofWorkload =
  (rest: string): Recipe =>
  (target) => ({ path: `${workload(target)}${rest}` });
const toDo =
  (path: string, more: object = {}): Recipe =>
  (target) => ({ path, body: { environment: "default", workloads: names[target], ...more } });

/** How each operation is asked for; one that is missing here does not compile. */
export const recipes: Readonly<Record<OperationName, Recipe>> = {
  livez: fixed("/livez"),
  readyz: fixed("/readyz"),
  openapi: fixed("/v1/openapi.json"),
  listEnvironments: fixed("/v1/environments"),
  checkEnvironment: fixed("/v1/environments/default/check"),
  listWorkloads: fixed("/v1/workloads?environment=default"),
  getWorkload: ofWorkload(""),
  listImages: ofWorkload("/images"),
  listAllImages: fixed("/v1/images?environment=default"),
  workloadHistory: ofWorkload("/history"),
  createRelease: toDo("/v1/releases", { images: "latest" }),
  createSync: toDo("/v1/syncs"),
  createRestart: toDo("/v1/restarts"),
  listJobs: fixed("/v1/jobs"),
  getJob: ofJob(""),
  listSteps: ofJob("/steps"),
  followJob: ofJob("/events"),
  cancelJob: ofJob("/cancel"),
  endJob: ofJob("/end"),
  rollbackJob: ofJob("/rollback"),
  getIdentity: fixed("/v1/identity"),
  createToken: (target) => ({
    path: "/v1/tokens",
    body: {
      name: "made",
      role: "viewer",
      scope:
        target === "shop"
          ? { environments: ["default"], workloads: ["sock-shop/front-end"], namespaces: ["sock-shop"] }
          : {},
    },
  }),
  listTokens: fixed("/v1/tokens"),
  revokeToken: async (target, { tokens }) => ({ path: `/v1/tokens/${await tokens[target]()}` }),
  listAudit: fixed("/v1/audit?limit=1000"),
  gitWebhook: fixed("/v1/webhooks/git/default"),
  gitWebhookBySecret: fixed("/v1/webhooks/git/default/0123456789abcdef"),
  registryWebhook: fixed("/v1/webhooks/registry/docker.io"),
  registryWebhookBySecret: fixed("/v1/webhooks/registry/docker.io/0123456789abcdef"),
};
