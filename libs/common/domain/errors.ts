/**
 * The coded catalogue of everything that can go wrong, and what happens next.
 *
 * `kind` is what the edges translate (HTTP status, gRPC status); `next` is what the worker
 * translates (retry, wait, stop); `title` is the one line a person reads first.
 */

export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "too-large"
  | "too-many"
  | "unavailable"
  | "timeout"
  | "internal";

/** retry: the same act may succeed soon · wait: something outside must change · stop: a person must act. */
export type ErrorNext = "retry" | "wait" | "stop";

export interface ErrorSpec {
  readonly kind: ErrorKind;
  readonly next: ErrorNext;
  readonly title: string;
}

export const errorCatalogue = {
  APPLY_CONFLICT: {
    kind: "conflict",
    next: "stop",
    title: "Another field manager owns a field this release changes",
  },
  APPLY_FORBIDDEN: {
    kind: "forbidden",
    next: "stop",
    title: "The cluster does not allow Slipway to apply this object",
  },
  APPLY_REFUSED: { kind: "invalid", next: "stop", title: "The API server refused the document" },
  APPROVAL_EXPIRED: {
    kind: "conflict",
    next: "stop",
    title: "Nobody approved the job before its deadline",
  },
  APPROVAL_FORBIDDEN: {
    kind: "forbidden",
    next: "stop",
    title: "This job needs somebody else's approval",
  },
  APPROVAL_GIVEN: { kind: "conflict", next: "stop", title: "You have approved this plan already" },
  APPROVAL_NOT_ASKED: {
    kind: "conflict",
    next: "stop",
    title: "The job does not wait for an approval",
  },
  APPROVAL_OWN: {
    kind: "forbidden",
    next: "stop",
    title: "Who asked for a job cannot approve it",
  },
  APPROVAL_PLAN_CHANGED: {
    kind: "conflict",
    next: "stop",
    title: "The job has another plan than the one you looked at",
  },
  APPROVAL_REJECTED: { kind: "conflict", next: "stop", title: "The job was rejected" },
  CLUSTER_AUTH_FAILED: {
    kind: "unavailable",
    next: "stop",
    title: "The cluster's API server refused the credential",
  },
  CLUSTER_UNAVAILABLE: {
    kind: "unavailable",
    next: "retry",
    title: "The cluster's API server cannot be reached",
  },
  CURSOR_INVALID: { kind: "invalid", next: "stop", title: "The cursor is not one of ours" },
  DELIVERY_NOT_FOUND: { kind: "not-found", next: "stop", title: "No such delivery of a notification" },
  DISK_FULL: {
    kind: "unavailable",
    next: "wait",
    title: "The worker's disk is full",
  },
  DECLARED_OUTSIDE_PATHS: {
    kind: "forbidden",
    next: "stop",
    title: "The image is decided in a file outside the environment's paths",
  },
  ENVIRONMENT_AMBIGUOUS: { kind: "invalid", next: "stop", title: "Several environments exist; name one" },
  ENVIRONMENT_HANDED_OFF: {
    kind: "conflict",
    next: "stop",
    title: "Somebody else applies this environment; there is nothing for Slipway to sync",
  },
  ENVIRONMENT_NOT_FOUND: { kind: "not-found", next: "stop", title: "No such environment" },
  ENVIRONMENT_OBSERVED: {
    kind: "forbidden",
    next: "stop",
    title: "This environment is observed only; nothing may be written",
  },
  FILTER_INVALID: { kind: "invalid", next: "stop", title: "The tag filter is not valid" },
  FORBIDDEN: { kind: "forbidden", next: "stop", title: "You may not do this" },
  FREEZE_INVALID: { kind: "invalid", next: "stop", title: "The freeze is not acceptable" },
  FREEZE_NOT_FOUND: { kind: "not-found", next: "stop", title: "There is no such freeze" },
  GIT_AUTH_FAILED: { kind: "unavailable", next: "stop", title: "The git host refused the credential" },
  GIT_BRANCH_MISSING: {
    kind: "not-found",
    next: "stop",
    title: "The branch does not exist in the config repository",
  },
  GIT_CACHE_BROKEN: {
    kind: "unavailable",
    next: "retry",
    title: "The local git cache is damaged and is made anew",
  },
  GIT_HOST_KEY_REFUSED: {
    kind: "unavailable",
    next: "stop",
    title: "The git host's key is none of the pinned ones",
  },
  GIT_HOST_UNSUITABLE: {
    kind: "unavailable",
    next: "stop",
    title: "The git host does not offer what Slipway needs (partial clones over protocol 2)",
  },
  GIT_PATH_REFUSED: {
    kind: "invalid",
    next: "stop",
    title: "A path in the config repository cannot be written safely",
  },
  GIT_PUSH_REFUSED: { kind: "conflict", next: "stop", title: "The git host refused the push" },
  GIT_PUSH_REJECTED: { kind: "conflict", next: "retry", title: "The branch moved while we worked" },
  GIT_PUSH_UNKNOWN: {
    kind: "unavailable",
    next: "retry",
    title: "The push ended without an answer; its outcome is being looked up",
  },
  GIT_REDIRECTED: {
    kind: "unavailable",
    next: "stop",
    title: "The git host redirects; the settings must hold the address it redirects to",
  },
  GIT_REPOSITORY_MISSING: {
    kind: "not-found",
    next: "stop",
    title: "The config repository does not exist, or the credential may not see it",
  },
  GIT_SIGNING_FAILED: { kind: "internal", next: "stop", title: "The commit could not be signed" },
  GIT_UNAVAILABLE: { kind: "unavailable", next: "retry", title: "The git host cannot be reached" },
  HEADERS_TOO_LARGE: {
    kind: "too-large",
    next: "stop",
    title: "The request's headers are larger than 16 KiB",
  },
  HOLD_NOT_FOUND: { kind: "conflict", next: "stop", title: "There is no such hold" },
  IDEMPOTENCY_CONFLICT: {
    kind: "conflict",
    next: "stop",
    title: "This idempotency key was used with another request",
  },
  IDEMPOTENCY_KEY_INVALID: { kind: "invalid", next: "stop", title: "The idempotency key is not acceptable" },
  IMAGE_CHANGED_SINCE: {
    kind: "conflict",
    next: "stop",
    title: "A container is declared with another image than when it was chosen",
  },
  IMAGE_NOT_FOUND: { kind: "not-found", next: "stop", title: "The image does not exist in its registry" },
  IMAGE_NOT_USED: { kind: "invalid", next: "stop", title: "None of the chosen workloads uses this image" },
  IMAGE_REF_INVALID: { kind: "invalid", next: "stop", title: "Not an image reference" },
  INSTALLATION_MISMATCH: {
    kind: "conflict",
    next: "stop",
    title: "The database belongs to another installation",
  },
  INTERNAL: { kind: "internal", next: "retry", title: "Something went wrong on our side" },
  INVALID_REQUEST: { kind: "invalid", next: "stop", title: "The request does not fit the schema" },
  ISSUER_UNAVAILABLE: {
    kind: "unavailable",
    next: "retry",
    title: "The identity provider cannot be reached, and the key of this token is not known yet",
  },
  JOB_AMBIGUOUS: {
    kind: "invalid",
    next: "stop",
    title: "Several jobs end with these characters; write the whole id",
  },
  JOB_NOT_ENDABLE: {
    kind: "conflict",
    next: "stop",
    title: "Only a job whose push has had no known outcome for 30 minutes can be ended",
  },
  JOB_NOT_FOUND: { kind: "not-found", next: "stop", title: "No such job" },
  JOB_NOT_ROLLBACKABLE: {
    kind: "conflict",
    next: "stop",
    title: "This job has nothing that can be rolled back",
  },
  JOB_OUTCOME_UNKNOWN: {
    kind: "conflict",
    next: "stop",
    title: "A person ended the job before the outcome of its push was known",
  },
  JOB_TOO_LATE: { kind: "conflict", next: "stop", title: "Too late to cancel: roll back instead" },
  KIND_UNKNOWN: {
    kind: "not-found",
    next: "stop",
    title: "The cluster does not serve this kind of object",
  },
  LEASE_LOST: { kind: "conflict", next: "retry", title: "Another worker took over" },
  MANIFEST_BROKEN: { kind: "invalid", next: "stop", title: "A manifest does not parse" },
  MANIFEST_NOT_EDITABLE: {
    kind: "invalid",
    next: "stop",
    title: "The image cannot be edited safely where it stands",
  },
  MANIFEST_NOT_RENDERED: {
    kind: "invalid",
    next: "stop",
    title: "Slipway cannot tell what this workload looks like in the cluster",
  },
  MANIFEST_TOO_LARGE: { kind: "too-large", next: "stop", title: "A manifest is larger than 1 MiB" },
  NAMESPACE_OUTSIDE: {
    kind: "forbidden",
    next: "stop",
    title: "The environment's settings leave this namespace out",
  },
  NAMESPACE_NOT_ALLOWED: {
    kind: "forbidden",
    next: "stop",
    title: "The environment has nothing to do with this namespace",
  },
  NOT_FOUND: { kind: "not-found", next: "stop", title: "There is nothing here" },
  NOT_PICKED_UP: {
    kind: "conflict",
    next: "stop",
    title: "Who applies this workload has not brought the commit to the cluster",
  },
  OVERRIDE_FORBIDDEN: { kind: "forbidden", next: "stop", title: "You may not use this override" },
  OVERRIDE_MEANINGLESS: {
    kind: "invalid",
    next: "stop",
    title: "This override is not meant for such a request",
  },
  PAGE_NOT_BUILT: { kind: "not-found", next: "stop", title: "The page is not built" },
  PAYLOAD_TOO_LARGE: { kind: "too-large", next: "stop", title: "The request body is too large" },
  POLICY_INVALID: { kind: "invalid", next: "stop", title: "The policy is not valid" },
  POLICY_REFUSED: {
    kind: "conflict",
    next: "stop",
    title: "The policies can be changed on none of the workloads named",
  },
  POSTGRES_TOO_OLD: { kind: "conflict", next: "stop", title: "The PostgreSQL server is too old" },
  PREREQUISITE_MISSING: {
    kind: "unavailable",
    next: "stop",
    title: "Something Slipway needs is missing on this machine",
  },
  PROPOSAL_NOT_MERGED: {
    kind: "conflict",
    next: "stop",
    title: "The proposal was closed without being merged",
  },
  RATE_LIMITED: { kind: "too-many", next: "wait", title: "Too many requests" },
  RECEIVER_ADDRESS_DENIED: {
    kind: "forbidden",
    next: "stop",
    title: "The receiver's address is in a range Slipway may not reach",
  },
  RECEIVER_UNAVAILABLE: {
    kind: "unavailable",
    next: "retry",
    title: "The receiver of a notification cannot be reached",
  },
  REGISTRY_ADDRESS_DENIED: {
    kind: "forbidden",
    next: "stop",
    title: "The registry's address is in a range Slipway may not reach",
  },
  REGISTRY_AUTH_FAILED: { kind: "unavailable", next: "stop", title: "The registry refused the credential" },
  REGISTRY_BAD_ANSWER: {
    kind: "unavailable",
    next: "retry",
    title: "The registry answered something that is not the registry protocol",
  },
  REGISTRY_CREDENTIAL_UNREADABLE: {
    kind: "unavailable",
    next: "retry",
    title: "The credential for the registry cannot be read",
  },
  REGISTRY_NOT_FOUND: {
    kind: "not-found",
    next: "stop",
    title: "The registry does not know this repository or tag",
  },
  REGISTRY_RATE_LIMITED: { kind: "unavailable", next: "wait", title: "The registry asks us to slow down" },
  REGISTRY_UNAVAILABLE: { kind: "unavailable", next: "retry", title: "The registry cannot be reached" },
  RELEASE_REFUSED: {
    kind: "conflict",
    next: "stop",
    title: "The images asked for can be brought to none of the workloads named",
  },
  RELEASE_TOO_LARGE: {
    kind: "too-large",
    next: "stop",
    title: "The release changes more bytes than one push may carry",
  },
  REQUEST_TOO_SLOW: {
    kind: "timeout",
    next: "retry",
    title: "The request did not arrive within 30 seconds",
  },
  ROLLOUT_FAILED: { kind: "conflict", next: "stop", title: "The rollout failed" },
  SCHEDULE_INVALID: { kind: "invalid", next: "stop", title: "The time of the schedule is not acceptable" },
  SELECTOR_INVALID: { kind: "invalid", next: "stop", title: "The label selector is not valid" },
  SETTINGS_INVALID: { kind: "invalid", next: "stop", title: "The settings have mistakes" },
  STORE_TOO_NEW: {
    kind: "conflict",
    next: "stop",
    title: "A newer version has migrated the database",
  },
  STORE_TOO_OLD: {
    kind: "conflict",
    next: "stop",
    title: "The database is too old for this version",
  },
  STORE_UNAVAILABLE: { kind: "unavailable", next: "retry", title: "The database cannot be reached" },
  TOKEN_NOT_FOUND: { kind: "not-found", next: "stop", title: "No such token" },
  UNAUTHENTICATED: { kind: "unauthenticated", next: "stop", title: "A valid bearer token is needed" },
  UNAVAILABLE: { kind: "unavailable", next: "retry", title: "A part of Slipway cannot be reached" },
  WEBHOOK_NOT_FOUND: { kind: "not-found", next: "stop", title: "There is no webhook here" },
  WEBHOOK_REFUSED: {
    kind: "unauthenticated",
    next: "stop",
    title: "The webhook does not prove that it knows the secret",
  },
  WORKER_CRASHED: { kind: "internal", next: "stop", title: "The job ended its worker too often" },
  WORKLOAD_AMBIGUOUS: {
    kind: "invalid",
    next: "stop",
    title: "Several workloads have this name; write namespace:kind/name",
  },
  WORKLOAD_ID_INVALID: {
    kind: "invalid",
    next: "stop",
    title: "Not a workload; write namespace/name or namespace:kind/name",
  },
  WORKLOAD_NOT_DECLARED: {
    kind: "not-found",
    next: "stop",
    title: "The workload is not in the config repository",
  },
  WORKLOAD_NOT_FOUND: { kind: "not-found", next: "stop", title: "No such workload" },
  WORKLOAD_NOT_RESTARTABLE: {
    kind: "invalid",
    next: "stop",
    title: "Only a Deployment, StatefulSet or DaemonSet can be restarted",
  },
  WORKLOAD_STALE: {
    kind: "conflict",
    next: "retry",
    title: "The view of the cluster does not reach as far as this workload",
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorOptions {
  /** What was wrong in this case, in words for a person. */
  readonly detail?: string;
  /** What the person can do about it. */
  readonly hint?: string;
  /** Structured facts for programs (names, candidates, faults); never secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a code from the catalogue; everything thrown on purpose is one of these. */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly facts: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const spec = errorCatalogue[code];
    super(options.detail === undefined ? spec.title : `${spec.title}: ${options.detail}`, {
      cause: options.cause,
    });
    this.name = "SlipwayError";
    this.code = code;
    this.detail = options.detail;
    this.hint = options.hint;
    this.facts = options.facts;
  }

  get kind(): ErrorKind {
    return errorCatalogue[this.code].kind;
  }

  get next(): ErrorNext {
    return errorCatalogue[this.code].next;
  }
}

/** The error itself when it is ours, else INTERNAL with the original as cause. */
export function toSlipwayError(error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new SlipwayError("INTERNAL", { detail, cause: error });
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}
