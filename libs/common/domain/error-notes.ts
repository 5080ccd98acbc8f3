import type { ErrorCode } from "./errors.ts";

/** What to do about an error, where more can be said than its title and what comes next. */
export const errorNotes: Readonly<Partial<Record<ErrorCode, string>>> = {
  APPLY_CONFLICT:
    "Somebody else (a person with kubectl, another controller) set a field that this change needs, by server-side apply. The step names manager and field. Let that manager give the field up, or set `conflicts: force` for the environment, or override `conflict` for this release.",
  APPLY_FORBIDDEN:
    "The worker's service account lacks a right. `slipway environment check NAME` names it; the manifests under `k8s/` give all of them.",
  APPLY_REFUSED:
    "The API server or an admission webhook refused the document at the dry run, so nothing was committed. Its words are in the detail: change the manifest, or the rule.",
  CURSOR_INVALID: "A cursor is only good for the list that gave it. Begin again without one.",
  DECLARED_OUTSIDE_PATHS:
    "The image is decided by a file that several environments share. Give the environment an entry of its own (`kustomize.addImages: true`), or change the shared file yourself.",
  ENVIRONMENT_AMBIGUOUS:
    "Name the environment: `environment` in the body or query, `--environment` on the command line.",
  ENVIRONMENT_HANDED_OFF: "Another tool applies this environment. Ask that tool to reconcile.",
  ENVIRONMENT_OBSERVED:
    "New environments only look. Set `mode: apply` or `mode: hand-off` in the settings when you want writes; dry runs work at once.",
  FORBIDDEN:
    "The token's role or scope does not reach this. Ask an administrator for another token; the detail names the role that is needed.",
  GIT_AUTH_FAILED:
    "Check `tokenFile`, `tokenEnv` or `sshKeyFile` of the environment: expired, revoked, or without the right to push.",
  GIT_BRANCH_MISSING: "Create the branch, or correct `git.branch` in the settings.",
  GIT_HOST_KEY_REFUSED:
    "The host shows a key that `knownHostsFile` does not hold. If the host changed its key, add the new one; if it did not, somebody is in between.",
  GIT_PUSH_REFUSED:
    "A hook or a protection rule of the git host said no; its words are in the detail. For a protected branch set `push: proposal`.",
  GIT_REDIRECTED: "The repository moved. Put the new address into the settings.",
  HEADERS_TOO_LARGE: "A proxy or a cookie jar adds headers: send fewer.",
  IDEMPOTENCY_CONFLICT:
    "A key stands for one request for 24 hours. Use a new key for a new request; `facts.jobId` is the job that the key made.",
  IDEMPOTENCY_KEY_INVALID: "1 to 200 printable ASCII characters.",
  IMAGE_NOT_FOUND: "The tag is not in its registry. Is the push over? `waitForImageSeconds` waits for it.",
  IMAGE_NOT_USED:
    "None of the workloads named has a container with this image repository. `slipway images W` shows what they use.",
  INSTALLATION_MISMATCH:
    "Two installations were given one `DATABASE_URL`. Each needs its own; nothing was written by the second.",
  INTERNAL:
    "The log of the API has the cause beside the `requestId`. Asking again may help; a report does for sure.",
  INVALID_REQUEST: "`facts.faults` lists every fault at once, each with its place in the request.",
  JOB_AMBIGUOUS: "Write the whole id of the job.",
  JOB_NOT_FOUND: "The job never was, or it was deleted by age (`retention` in the settings).",
  JOB_NOT_ROLLBACKABLE:
    "Only what changed git, or is about to, can be written back. The detail says why this one is not.",
  JOB_TOO_LATE: "The commit is on its way or there already. Roll back instead; the hint has the command.",
  MANIFEST_TOO_LARGE: "Split the file.",
  NAMESPACE_NOT_ALLOWED:
    "The settings keep this environment out of the namespace (`namespaces.allow`, `namespaces.deny`).",
  NOT_FOUND: "No route has this path and method. `/v1/docs` lists all.",
  NOT_PICKED_UP:
    "The tool that applies this workload (Flux, Argo CD, Helm) did not bring the commit to the cluster in time. Look at that tool; nothing was undone.",
  PAYLOAD_TOO_LARGE: "The limit is 1 MiB.",
  RATE_LIMITED:
    "Wait for the seconds that `Retry-After` names. Waiting with `wait=30s` or following a stream costs one request instead of many.",
  REGISTRY_ADDRESS_DENIED:
    "The registry's name leads to a loopback, link-local or private address. Name it under `registries` with an `endpoint`, or set `allowPrivateRegistries`.",
  REGISTRY_AUTH_FAILED: "Check the registry's credential in the settings.",
  RELEASE_REFUSED: "The image fits none of the workloads named; each result says why. Nothing was committed.",
  REQUEST_TOO_SLOW: "The connection is very slow, or the body is shorter than Content-Length says.",
  ROLLOUT_FAILED:
    "The new pods did not become healthy; the failing step has the pod's reason and its last words. `slipway rollback` writes the previous image back.",
  SETTINGS_INVALID: "The message lists every mistake with its place.",
  STORE_TOO_NEW:
    "Versions go back only until a migration that they cannot work with. The detail has both levels; see docs/backup.md for the way back.",
  STORE_TOO_OLD: "Upgrade through the minor versions in between: each migrates when it starts.",
  STORE_UNAVAILABLE:
    "Postgres does not answer. Nothing is lost: ask again after `Retry-After`, with the same idempotency key.",
  UNAUTHENTICATED: "Send `Authorization: Bearer TOKEN` with a token that is neither expired nor revoked.",
  UNAVAILABLE: "A service of Slipway cannot be reached. What was accepted goes on; ask again.",
  WORKER_CRASHED:
    "The job ended its worker ten times without a step in between. It is given up so that it cannot take the lane down; the worker's log has the cause.",
  WORKLOAD_AMBIGUOUS: "Write `namespace:kind/name`; `facts.candidates` are those with this name.",
  WORKLOAD_NOT_DECLARED:
    "It runs, but no manifest under the environment's paths declares it: there is nothing to change in git.",
  WORKLOAD_NOT_FOUND: "It is neither declared nor running. The hint names what is near.",
};
