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

type FluxPlace = "" | "Of";
type FluxName =
  | "Services"
  | "ServicesByName"
  | "Images"
  | "Jobs"
  | "Sync"
  | "GitConfig"
  | "Export"
  | "Update";

/** What fluxctl asks for, without and with an environment in its address. */
function fluxRecipes<P extends FluxPlace>(at: string, place: P): Record<`flux${FluxName}${P}`, Recipe> {
  const path = (rest: string): string => `/api/flux${at}${rest}`;
  const made: Record<string, Recipe> = {
    [`fluxServices${place}`]: fixed(path("/v6/services?namespace=")),
    [`fluxServicesByName${place}`]: (target) => ({
      path: path(`/v11/services?namespace=&services=${ids(target).join(",")}`),
    }),
    [`fluxImages${place}`]: fixed(path("/v10/images?namespace=")),
    [`fluxJobs${place}`]: (target, { jobs }) => ({ path: path(`/v6/jobs?id=${jobs[target]}`) }),
    [`fluxSync${place}`]: fixed(path("/v6/sync?ref=9c1e2f4")),
    [`fluxGitConfig${place}`]: () => ({ path: path("/v9/git-repo-config"), body: false }),
    [`fluxExport${place}`]: fixed(path("/v6/export")),
    [`fluxUpdate${place}`]: (target) => ({
      path: path("/v9/update-manifests"),
      body: {
        type: "image",
        cause: { Message: "", User: "" },
        spec: { ServiceSpecs: ids(target), ImageSpec: "<all latest>", Kind: "execute", Force: false },
      },
    }),
  };
  return made;
}

function ids(target: Target): readonly string[] {
  return names[target].map((one) => one.replace("/", ":deployment/"));
}

/** How each operation is asked for; one that is missing here does not compile. */
export const recipes: Readonly<Record<OperationName, Recipe>> = {
  livez: fixed("/livez"),
  readyz: fixed("/readyz"),
  openapi: fixed("/v1/openapi.json"),
  apiPage: fixed("/v1/docs"),
  listErrors: fixed("/v1/errors"),
  pageHome: fixed("/"),
  pageWorkload: fixed("/workloads/default/sock-shop/deployment/front-end"),
  pageRelease: fixed("/release"),
  pageJobs: fixed("/jobs"),
  pageJob: fixed("/jobs/0c1d8e11"),
  pageEnvironments: fixed("/environments"),
  pageAsset: fixed("/assets/none.js"),
  createSession: fixed("/v1/session"),
  deleteSession: fixed("/v1/session"),
  showError: fixed("/v1/errors/FORBIDDEN"),
  listEnvironments: fixed("/v1/environments"),
  checkEnvironment: fixed("/v1/environments/default/check"),
  listFreezes: fixed("/v1/freezes"),
  setFreeze: () => ({ path: "/v1/environments/default/freeze", body: { reason: "incident 42" } }),
  liftFreeze: fixed("/v1/environments/default/freeze"),
  followEnvironment: fixed("/v1/environments/default/events"),
  listWorkloads: fixed("/v1/workloads?environment=default"),
  getWorkload: ofWorkload(""),
  listImages: ofWorkload("/images"),
  listAllImages: fixed("/v1/images?environment=default"),
  workloadHistory: ofWorkload("/history"),
  createRelease: toDo("/v1/releases", { images: "latest" }),
  createSync: toDo("/v1/syncs"),
  createRestart: toDo("/v1/restarts"),
  getPolicy: ofWorkload("/policy"),
  explainWorkload: ofWorkload("/explain"),
  liftHold: ofWorkload("/hold"),
  showAutomation: fixed("/v1/environments/default/automation"),
  setPolicy: (target) => ({ path: `${workload(target)}/policy`, body: { set: { locked: "true" } } }),
  changePolicies: (target) => ({
    path: "/v1/policies",
    body: {
      environment: "default",
      changes: names[target].map((one) => ({ workload: one, set: { locked: "true" } })),
    },
  }),
  ...fluxRecipes("", ""),
  ...fluxRecipes("/default", "Of"),
  listJobs: fixed("/v1/jobs"),
  exportJobs: fixed("/v1/jobs/export"),
  getJob: ofJob(""),
  listSteps: ofJob("/steps"),
  followJob: ofJob("/events"),
  cancelJob: ofJob("/cancel"),
  endJob: ofJob("/end"),
  approveJob: ofJob("/approve"),
  rejectJob: ofJob("/reject"),
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
  listDeliveries: fixed("/v1/notifications/deliveries"),
  redeliver: fixed("/v1/notifications/deliveries/01a21068-1e94-7231-a00d-60a045015e39/redeliver"),
  gitWebhook: fixed("/v1/webhooks/git/default"),
  gitWebhookBySecret: fixed("/v1/webhooks/git/default/0123456789abcdef"),
  registryWebhook: fixed("/v1/webhooks/registry/docker.io"),
  registryWebhookBySecret: fixed("/v1/webhooks/registry/docker.io/0123456789abcdef"),
};
