/**
 * Every operation there is, and the role it needs. The API refuses to start with a route that
 * has no row here; a route without a row does not exist.
 */

export const roles = ["viewer", "releaser", "approver", "admin"] as const;
export type Role = (typeof roles)[number];

export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** `public` needs no token: probes, the API's own description, and webhooks, which prove a secret of their own. */
  readonly role: Role | "public";
}

export const operations = {
  livez: { method: "GET", path: "/livez", role: "public" },
  readyz: { method: "GET", path: "/readyz", role: "public" },
  openapi: { method: "GET", path: "/v1/openapi.json", role: "public" },
  apiPage: { method: "GET", path: "/v1/docs", role: "public" },
  listErrors: { method: "GET", path: "/v1/errors", role: "public" },
  showError: { method: "GET", path: "/v1/errors/:code", role: "public" },
  listEnvironments: { method: "GET", path: "/v1/environments", role: "viewer" },
  checkEnvironment: { method: "POST", path: "/v1/environments/:environment/check", role: "viewer" },
  listFreezes: { method: "GET", path: "/v1/freezes", role: "viewer" },
  setFreeze: { method: "PUT", path: "/v1/environments/:environment/freeze", role: "approver" },
  liftFreeze: { method: "DELETE", path: "/v1/environments/:environment/freeze", role: "approver" },
  followEnvironment: { method: "GET", path: "/v1/environments/:environment/events", role: "viewer" },
  listWorkloads: { method: "GET", path: "/v1/workloads", role: "viewer" },
  getWorkload: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name",
    role: "viewer",
  },
  listImages: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/images",
    role: "viewer",
  },
  listAllImages: { method: "GET", path: "/v1/images", role: "viewer" },
  workloadHistory: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/history",
    role: "viewer",
  },
  getPolicy: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/policy",
    role: "viewer",
  },
  setPolicy: {
    method: "PUT",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/policy",
    role: "releaser",
  },
  explainWorkload: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/explain",
    role: "viewer",
  },
  liftHold: {
    method: "DELETE",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/hold",
    role: "releaser",
  },
  showAutomation: { method: "GET", path: "/v1/environments/:environment/automation", role: "viewer" },
  createRelease: { method: "POST", path: "/v1/releases", role: "releaser" },
  createSync: { method: "POST", path: "/v1/syncs", role: "releaser" },
  changePolicies: { method: "POST", path: "/v1/policies", role: "releaser" },
  createRestart: { method: "POST", path: "/v1/restarts", role: "releaser" },
  listJobs: { method: "GET", path: "/v1/jobs", role: "viewer" },
  exportJobs: { method: "GET", path: "/v1/jobs/export", role: "viewer" },
  getJob: { method: "GET", path: "/v1/jobs/:id", role: "viewer" },
  listSteps: { method: "GET", path: "/v1/jobs/:id/steps", role: "viewer" },
  followJob: { method: "GET", path: "/v1/jobs/:id/events", role: "viewer" },
  cancelJob: { method: "POST", path: "/v1/jobs/:id/cancel", role: "releaser" },
  // Who may consent is said by the settings of the environment: a role, names of tokens, or a group.
  approveJob: { method: "POST", path: "/v1/jobs/:id/approve", role: "viewer" },
  rejectJob: { method: "POST", path: "/v1/jobs/:id/reject", role: "viewer" },
  endJob: { method: "POST", path: "/v1/jobs/:id/end", role: "releaser" },
  rollbackJob: { method: "POST", path: "/v1/jobs/:id/rollback", role: "releaser" },
  listDeliveries: { method: "GET", path: "/v1/notifications/deliveries", role: "admin" },
  redeliver: { method: "POST", path: "/v1/notifications/deliveries/:id/redeliver", role: "admin" },
  gitWebhook: { method: "POST", path: "/v1/webhooks/git/:environment", role: "public" },
  gitWebhookBySecret: { method: "POST", path: "/v1/webhooks/git/:environment/:secret", role: "public" },
  registryWebhook: { method: "POST", path: "/v1/webhooks/registry/:host", role: "public" },
  registryWebhookBySecret: { method: "POST", path: "/v1/webhooks/registry/:host/:secret", role: "public" },
  fluxServices: { method: "GET", path: "/api/flux/v6/services", role: "viewer" },
  fluxServicesOf: { method: "GET", path: "/api/flux/:environment/v6/services", role: "viewer" },
  fluxServicesByName: { method: "GET", path: "/api/flux/v11/services", role: "viewer" },
  fluxServicesByNameOf: { method: "GET", path: "/api/flux/:environment/v11/services", role: "viewer" },
  fluxImages: { method: "GET", path: "/api/flux/v10/images", role: "viewer" },
  fluxImagesOf: { method: "GET", path: "/api/flux/:environment/v10/images", role: "viewer" },
  fluxJobs: { method: "GET", path: "/api/flux/v6/jobs", role: "viewer" },
  fluxJobsOf: { method: "GET", path: "/api/flux/:environment/v6/jobs", role: "viewer" },
  fluxSync: { method: "GET", path: "/api/flux/v6/sync", role: "viewer" },
  fluxSyncOf: { method: "GET", path: "/api/flux/:environment/v6/sync", role: "viewer" },
  fluxGitConfig: { method: "POST", path: "/api/flux/v9/git-repo-config", role: "viewer" },
  fluxGitConfigOf: { method: "POST", path: "/api/flux/:environment/v9/git-repo-config", role: "viewer" },
  fluxExport: { method: "GET", path: "/api/flux/v6/export", role: "viewer" },
  fluxExportOf: { method: "GET", path: "/api/flux/:environment/v6/export", role: "viewer" },
  fluxUpdate: { method: "POST", path: "/api/flux/v9/update-manifests", role: "releaser" },
  fluxUpdateOf: { method: "POST", path: "/api/flux/:environment/v9/update-manifests", role: "releaser" },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** admin may do everything; approver and releaser may see; approver is not a releaser. */
export function roleAllows(has: Role, needs: Role): boolean {
  if (has === "admin" || needs === "viewer") return true;
  return has === needs;
}
