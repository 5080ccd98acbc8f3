import { commitsOfRevision } from "#common/domain/owner.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";

/** What an owner's object says of itself, whichever tool it is. */
export interface OwnerSays {
  /** What it applied last, in its own words. */
  readonly appliedRevision: string;
  readonly ready: boolean;
  /** It will not apply by itself. */
  readonly suspended: boolean;
  /** Why it is not ready, or does not apply; empty when all is well. */
  readonly message: string;
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

interface FluxObject {
  readonly metadata: { readonly generation?: number };
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly lastAppliedRevision?: string;
    readonly lastAppliedOriginRevision?: string;
    readonly lastAttemptedRevision?: string;
    readonly history?: readonly { readonly chartVersion?: string }[];
  };
}

/** A Flux Kustomization: `lastAppliedRevision` names the commit. */
export function kustomizationSays(object: KubeObject): OwnerSays {
  const { spec = {}, status = {} } = object as FluxObject;
  const ready = readiness(object);
  const applied = status.lastAppliedRevision ?? "";
  // An artifact of a registry is named by its digest; the commit it was made of stands beside it.
  const origin = commitsOfRevision(applied).length > 0 ? undefined : status.lastAppliedOriginRevision;
  // The health checks come after the apply, and only their success moves `lastAppliedRevision`.
  const attempted = ready.reason === "HealthCheckFailed" ? status.lastAttemptedRevision : undefined;
  return {
    appliedRevision: attempted ?? origin ?? applied,
    suspended: spec.suspend === true,
    ready: ready.is,
    message: ready.message,
  };
}

/** A Flux HelmRelease: its revision is a chart's version, with the commit in it only for charts from git. */
export function helmReleaseSays(object: KubeObject): OwnerSays {
  const { spec = {}, status = {} } = object as FluxObject;
  const ready = readiness(object);
  const version = status.history?.[0]?.chartVersion ?? status.lastAppliedRevision;
  return {
    appliedRevision: version ?? "",
    suspended: spec.suspend === true,
    ready: ready.is,
    message: ready.message,
  };
}

function readiness({ metadata, spec = {}, status = {} }: FluxObject): {
  is: boolean;
  reason: string;
  message: string;
} {
  const condition = status.conditions?.find(({ type }) => type === "Ready");
  const seen = status.observedGeneration ?? condition?.observedGeneration ?? 0;
  const isCurrent = seen >= (metadata.generation ?? 0);
  const reason = condition?.reason ?? "";
  if (condition?.status === "True" && isCurrent) return { is: true, reason, message: "" };
  const message = condition?.status === "True" ? "" : (condition?.message ?? "");
  // What is suspended reconciles nothing: that says it all.
  const other = spec.suspend === true ? "" : "its last change is not reconciled yet";
  return { is: false, reason, message: message || other };
}

interface Revisions {
  readonly revision?: string;
  readonly revisions?: readonly string[];
}

interface ApplicationObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly syncPolicy?: { readonly automated?: { readonly enabled?: boolean } };
  };
  readonly status?: {
    readonly sync?: Revisions & { readonly status?: string };
    readonly health?: { readonly status?: string; readonly message?: string };
    readonly history?: readonly Revisions[];
    readonly operationState?: {
      readonly phase?: string;
      readonly message?: string;
      readonly syncResult?: Revisions;
    };
  };
}

/** An Argo CD Application. `sync.revision` is what it compares with: applied only where all is in sync. */
export function applicationSays(object: KubeObject): OwnerSays {
  const { metadata, spec, status = {} } = object as ApplicationObject;
  const { sync, operationState, history, health } = status;
  const isSynced = sync?.status === "Synced";
  const succeeded = operationState?.phase === "Succeeded";
  const deployed = succeeded ? (operationState.syncResult ?? history?.at(-1)) : history?.at(-1);
  const automated = spec?.syncPolicy?.automated;
  const isOff = automated === undefined || automated === null || automated.enabled === false;
  const isSkipped = metadata.annotations?.["argocd.argoproj.io/skip-reconcile"] === "true";
  // What is paused on purpose (a rollout, a CronJob) is no trouble of the application's.
  const isHealthy = health?.status === "Healthy" || health?.status === "Suspended";
  const problem = applicationProblem(status, isHealthy);
  return {
    appliedRevision: revisionsOf(isSynced ? sync : deployed),
    suspended: isOff || isSkipped,
    ready: problem === "" && (isSynced || succeeded),
    message: isSkipped ? "its reconciliation is switched off" : isOff ? "automatic sync is off" : problem,
  };
}

function applicationProblem(
  { operationState, health }: NonNullable<ApplicationObject["status"]>,
  isHealthy: boolean,
): string {
  const { phase = "", message = "" } = operationState ?? {};
  if (phase !== "" && phase !== "Succeeded") return `sync ${phase.toLowerCase()}: ${message}`;
  if (isHealthy) return "";
  return [`health ${health?.status ?? "unknown"}`, health?.message ?? ""].filter(Boolean).join(": ");
}

function revisionsOf(of: Revisions | undefined): string {
  return [of?.revision ?? "", ...(of?.revisions ?? [])].filter((text) => text !== "").join(",");
}
