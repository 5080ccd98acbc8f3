import type { Role } from "../domain/access.ts";

/**
 * Every operation there is: its route, the role it needs, and what of an installation it is about. The
 * API refuses to start with a route that has no row here; a route without a row does not exist. What
 * one service may ask another by gRPC stands in a table of its own, beside this one.
 * docs/authorization.md is made of both.
 */
export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** `public` needs no token: probes, the API's own description, and webhooks, which prove a secret of their own. */
  readonly role: Role | "public";
  readonly about: OperationSubject;
  /** Leaves a row in the audit log, in the transaction of what it does. */
  readonly audited: boolean;
}

/**
 * What an operation is about, which decides what a scope does to it:
 * nothing: no part of an installation, so that scopes do not count ·
 * filtered: answers with what lies in the scope, and nothing tells of the rest ·
 * workload: one of a path; beyond the scope there is none ·
 * workloads: those of a body; one beyond the scope refuses the whole ·
 * job: is there when all it touches lies in the scope; whoever acts on it needs the role for all of that ·
 * tokens: no token is made, shown or revoked that is stronger than who asks ·
 * environment: needs all of one · installation: needs a scope that nothing narrows.
 */
export type OperationSubject =
  | "nothing"
  | "filtered"
  | "workload"
  | "workloads"
  | "job"
  | "tokens"
  | "environment"
  | "installation";

export const operations = {
  livez: { method: "GET", path: "/livez", role: "public", about: "nothing", audited: false },
  readyz: { method: "GET", path: "/readyz", role: "public", about: "nothing", audited: false },
  openapi: { method: "GET", path: "/v1/openapi.json", role: "public", about: "nothing", audited: false },
  apiPage: { method: "GET", path: "/v1/docs", role: "public", about: "nothing", audited: false },
  listErrors: { method: "GET", path: "/v1/errors", role: "public", about: "nothing", audited: false },
  showError: { method: "GET", path: "/v1/errors/:code", role: "public", about: "nothing", audited: false },
  pageHome: { method: "GET", path: "/", role: "public", about: "nothing", audited: false },
  pageWorkload: {
    method: "GET",
    path: "/workloads/:environment/:namespace/:kind/:name",
    role: "public",
    about: "nothing",
    audited: false,
  },
  pageRelease: { method: "GET", path: "/release", role: "public", about: "nothing", audited: false },
  pageJobs: { method: "GET", path: "/jobs", role: "public", about: "nothing", audited: false },
  pageJob: { method: "GET", path: "/jobs/:id", role: "public", about: "nothing", audited: false },
  pageEnvironments: {
    method: "GET",
    path: "/environments",
    role: "public",
    about: "nothing",
    audited: false,
  },
  pageAsset: { method: "GET", path: "/assets/:file", role: "public", about: "nothing", audited: false },
  // The token of the request is what becomes the cookie: whoever has none is refused as everywhere.
  createSession: { method: "POST", path: "/v1/session", role: "viewer", about: "nothing", audited: false },
  deleteSession: { method: "DELETE", path: "/v1/session", role: "public", about: "nothing", audited: false },
  listEnvironments: {
    method: "GET",
    path: "/v1/environments",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  checkEnvironment: {
    method: "POST",
    path: "/v1/environments/:environment/check",
    role: "viewer",
    about: "environment",
    audited: false,
  },
  listFreezes: { method: "GET", path: "/v1/freezes", role: "viewer", about: "filtered", audited: false },
  setFreeze: {
    method: "PUT",
    path: "/v1/environments/:environment/freeze",
    role: "approver",
    about: "environment",
    audited: true,
  },
  liftFreeze: {
    method: "DELETE",
    path: "/v1/environments/:environment/freeze",
    role: "approver",
    about: "environment",
    audited: true,
  },
  followEnvironment: {
    method: "GET",
    path: "/v1/environments/:environment/events",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  listWorkloads: { method: "GET", path: "/v1/workloads", role: "viewer", about: "filtered", audited: false },
  getWorkload: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name",
    role: "viewer",
    about: "workload",
    audited: false,
  },
  listImages: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/images",
    role: "viewer",
    about: "workload",
    audited: false,
  },
  listAllImages: { method: "GET", path: "/v1/images", role: "viewer", about: "filtered", audited: false },
  workloadHistory: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/history",
    role: "viewer",
    about: "workload",
    audited: false,
  },
  getPolicy: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/policy",
    role: "viewer",
    about: "workload",
    audited: false,
  },
  setPolicy: {
    method: "PUT",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/policy",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
  explainWorkload: {
    method: "GET",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/explain",
    role: "viewer",
    about: "workload",
    audited: false,
  },
  liftHold: {
    method: "DELETE",
    path: "/v1/environments/:environment/workloads/:namespace/:kind/:name/hold",
    role: "releaser",
    about: "workload",
    audited: true,
  },
  showAutomation: {
    method: "GET",
    path: "/v1/environments/:environment/automation",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  createRelease: {
    method: "POST",
    path: "/v1/releases",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
  createSync: { method: "POST", path: "/v1/syncs", role: "releaser", about: "workloads", audited: true },
  changePolicies: {
    method: "POST",
    path: "/v1/policies",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
  createRestart: {
    method: "POST",
    path: "/v1/restarts",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
  listJobs: { method: "GET", path: "/v1/jobs", role: "viewer", about: "filtered", audited: false },
  exportJobs: { method: "GET", path: "/v1/jobs/export", role: "viewer", about: "filtered", audited: false },
  getJob: { method: "GET", path: "/v1/jobs/:id", role: "viewer", about: "job", audited: false },
  listSteps: { method: "GET", path: "/v1/jobs/:id/steps", role: "viewer", about: "job", audited: false },
  followJob: { method: "GET", path: "/v1/jobs/:id/events", role: "viewer", about: "job", audited: false },
  cancelJob: { method: "POST", path: "/v1/jobs/:id/cancel", role: "releaser", about: "job", audited: true },
  // Who may consent is said by the settings of the environment: a role, names of tokens, or a group.
  approveJob: { method: "POST", path: "/v1/jobs/:id/approve", role: "viewer", about: "job", audited: true },
  rejectJob: { method: "POST", path: "/v1/jobs/:id/reject", role: "viewer", about: "job", audited: true },
  endJob: { method: "POST", path: "/v1/jobs/:id/end", role: "releaser", about: "job", audited: true },
  rollbackJob: {
    method: "POST",
    path: "/v1/jobs/:id/rollback",
    role: "releaser",
    about: "job",
    audited: true,
  },
  getIdentity: { method: "GET", path: "/v1/identity", role: "viewer", about: "nothing", audited: false },
  createToken: { method: "POST", path: "/v1/tokens", role: "admin", about: "tokens", audited: true },
  listTokens: { method: "GET", path: "/v1/tokens", role: "admin", about: "tokens", audited: false },
  revokeToken: { method: "DELETE", path: "/v1/tokens/:id", role: "admin", about: "tokens", audited: true },
  listAudit: { method: "GET", path: "/v1/audit", role: "admin", about: "filtered", audited: false },
  listDeliveries: {
    method: "GET",
    path: "/v1/notifications/deliveries",
    role: "admin",
    about: "installation",
    audited: false,
  },
  redeliver: {
    method: "POST",
    path: "/v1/notifications/deliveries/:id/redeliver",
    role: "admin",
    about: "installation",
    audited: true,
  },
  gitWebhook: {
    method: "POST",
    path: "/v1/webhooks/git/:environment",
    role: "public",
    about: "nothing",
    audited: false,
  },
  gitWebhookBySecret: {
    method: "POST",
    path: "/v1/webhooks/git/:environment/:secret",
    role: "public",
    about: "nothing",
    audited: false,
  },
  registryWebhook: {
    method: "POST",
    path: "/v1/webhooks/registry/:host",
    role: "public",
    about: "nothing",
    audited: false,
  },
  registryWebhookBySecret: {
    method: "POST",
    path: "/v1/webhooks/registry/:host/:secret",
    role: "public",
    about: "nothing",
    audited: false,
  },
  fluxServices: {
    method: "GET",
    path: "/api/flux/v6/services",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxServicesOf: {
    method: "GET",
    path: "/api/flux/:environment/v6/services",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxServicesByName: {
    method: "GET",
    path: "/api/flux/v11/services",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxServicesByNameOf: {
    method: "GET",
    path: "/api/flux/:environment/v11/services",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxImages: {
    method: "GET",
    path: "/api/flux/v10/images",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxImagesOf: {
    method: "GET",
    path: "/api/flux/:environment/v10/images",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxJobs: { method: "GET", path: "/api/flux/v6/jobs", role: "viewer", about: "job", audited: false },
  fluxJobsOf: {
    method: "GET",
    path: "/api/flux/:environment/v6/jobs",
    role: "viewer",
    about: "job",
    audited: false,
  },
  fluxSync: { method: "GET", path: "/api/flux/v6/sync", role: "viewer", about: "filtered", audited: false },
  fluxSyncOf: {
    method: "GET",
    path: "/api/flux/:environment/v6/sync",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxGitConfig: {
    method: "POST",
    path: "/api/flux/v9/git-repo-config",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxGitConfigOf: {
    method: "POST",
    path: "/api/flux/:environment/v9/git-repo-config",
    role: "viewer",
    about: "filtered",
    audited: false,
  },
  fluxExport: {
    method: "GET",
    path: "/api/flux/v6/export",
    role: "viewer",
    about: "environment",
    audited: false,
  },
  fluxExportOf: {
    method: "GET",
    path: "/api/flux/:environment/v6/export",
    role: "viewer",
    about: "environment",
    audited: false,
  },
  fluxUpdate: {
    method: "POST",
    path: "/api/flux/v9/update-manifests",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
  fluxUpdateOf: {
    method: "POST",
    path: "/api/flux/:environment/v9/update-manifests",
    role: "releaser",
    about: "workloads",
    audited: true,
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** An operation's row, whatever the others are like. */
export function ruleOf(name: OperationName): Operation {
  return operations[name];
}
