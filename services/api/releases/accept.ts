import { createHash } from "node:crypto";

import { environmentSubject, laneSubject, queueNames } from "#common/contracts/queue.ts";
import type { Subject } from "#common/contracts/queue.ts";
import type { JobMarks } from "#common/contracts/job-marks.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { currentWork } from "#common/kit/current-work.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { acceptJob, findKey } from "#common/store/job-accept.ts";
import type { Acceptance, IdempotencyKey } from "#common/store/job-accept.ts";
import { getJob } from "#common/store/jobs.ts";
import type { JobRow, JobSpec } from "#common/store/schema.ts";

import { findJob } from "../find-job.ts";
import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseOverrides } from "../gates/refuse-overrides.ts";
import { auditOf } from "./asker.ts";
import type { Asker } from "./asker.ts";

/** What a new job differs in; the rest is the same for all. */
export interface JobDraft {
  readonly environment: EnvironmentSettings;
  readonly spec: JobSpec;
  readonly headline: string;
  readonly message: string | undefined;
  readonly marks?: JobMarks;
  readonly rollbackOf?: string;
  /** The workloads it is about, where its spec does not name them; null: all of the environment. */
  readonly touches?: readonly string[] | null;
}

type AcceptDeps = Pick<ApiDeps, "store" | "ring" | "log" | "newId" | "settingsRevision">;

/**
 * The job of a request: a new one, or the one that the same request made before (CORRECTNESS 28), within
 * what the asker may do now: FORBIDDEN or WORKLOAD_NOT_FOUND when any of it is beyond that.
 * `body` is what makes two requests the same; `draft` is only asked for when the key is new.
 */
export async function acceptOrReplay(
  deps: AcceptDeps,
  asker: Asker,
  work: { readonly body: unknown; readonly draft: () => Promise<JobDraft> },
): Promise<JobRow> {
  const key = idempotencyKey(asker, work.body);
  let draft: JobDraft;
  try {
    draft = await work.draft();
  } catch (error) {
    // What the same request was once accepted for stays accepted, whatever would be said of it now: but
    // only to who may still see it.
    const earlier = key && (await findKey(deps.store.db, key));
    if (key === undefined || earlier === undefined) throw error;
    return replay(deps, asker, { key, jobId: earlier.job_id, same: earlier.body_hash === key.bodyHash });
  }
  const touches = touchedBy(draft);
  const part = { environment: draft.environment.name, workloads: touches };
  refuseBeyond(asker, part);
  refuseOverrides(asker.principal, draft.spec, part);
  const acceptance = toAcceptance(deps, { asker, draft, key, touches });
  const accepted = await acceptSurely(deps, acceptance);
  if (accepted.kind !== "accepted") {
    return replay(deps, asker, { key, jobId: accepted.jobId, same: accepted.kind === "replayed" });
  }
  deps.ring(queueNames.worker, subjectOf(acceptance.job));
  deps.store.hint(acceptance.job.id);
  return accepted.job;
}

/** A restart needs no lane: whoever applies its environment does it. */
function subjectOf({ kind, environment, lane_id }: Acceptance["job"]): Subject {
  return kind === "restart" ? environmentSubject(environment) : laneSubject(lane_id);
}

/** What a spec names, or says in general. A kind that names nothing is about everything. */
function touchedBy({ spec, touches }: JobDraft): readonly string[] | null {
  if (touches !== undefined) return touches;
  if ("all" in spec && spec.all) return null;
  if ("namespace" in spec && spec.namespace !== null) return [`${spec.namespace}/*`];
  if ("orders" in spec) return spec.orders.map(({ workload }) => workload);
  return "workloads" in spec && spec.workloads.length > 0 ? spec.workloads : null;
}

async function replay(
  deps: AcceptDeps,
  { principal }: Asker,
  found: { key: IdempotencyKey | undefined; jobId: string; same: boolean },
): Promise<JobRow> {
  if (found.same) return findJob(deps.store, found.jobId, seesOf({ principal }));
  throw new SlipwayError("IDEMPOTENCY_CONFLICT", {
    detail: `"${found.key?.key ?? ""}" made the job ${found.jobId}`,
    hint: "use a new key for a new request",
    facts: { jobId: found.jobId },
  });
}

function toAcceptance(
  deps: AcceptDeps,
  made: {
    asker: Asker;
    draft: JobDraft;
    key: IdempotencyKey | undefined;
    touches: readonly string[] | null;
  },
): Acceptance {
  const { asker, draft, key } = made;
  const { environment, spec, headline, message, marks = {}, rollbackOf } = draft;
  const { url, branch } = environment.git;
  const id = deps.newId();
  const isRollback = spec.kind === "rollback";
  return {
    job: {
      id,
      kind: spec.kind,
      environment: environment.name,
      lane_id: laneKey(url, branch),
      settings_revision: deps.settingsRevision,
      phase: "queued",
      priority: isRollback ? 0 : 1,
      origin: isRollback ? "rollback" : "manual",
      headline,
      spec: JSON.stringify(spec),
      message: message ?? null,
      ...(marks.labels !== undefined && { labels: JSON.stringify(marks.labels) }),
      source_sha: marks.sourceSha ?? null,
      requested_by: asker.principal.name,
      request_id: asker.requestId,
      trace_parent: currentWork().traceParent ?? null,
      rollback_of: rollbackOf ?? null,
    },
    ...(key !== undefined && { idempotency: key }),
    audit: {
      ...auditOf(asker),
      environment: environment.name,
      jobId: id,
      outcome: "accepted",
      reason: message,
      after: { ...spec },
      detail: { headline, override: spec.override },
      workloads: made.touches,
    },
  };
}

/** A lost answer is no refusal: whether the job is in is read over another connection. */
async function acceptSurely(deps: AcceptDeps, acceptance: Acceptance) {
  try {
    return await acceptJob(deps.store.db, acceptance);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "STORE_UNAVAILABLE") throw error;
    deps.log.warn("the answer to an accepted job was lost", { job: acceptance.job.id, error });
    const job = await stored(deps, acceptance.job.id);
    if (job !== undefined) return { kind: "accepted", job } as const;
    throw new SlipwayError("STORE_UNAVAILABLE", {
      detail: `whether the job ${acceptance.job.id} was accepted is not known`,
      hint: "ask again with the same Idempotency-Key, or look for the job by its id",
      facts: { jobId: acceptance.job.id },
      cause: error,
    });
  }
}

async function stored(deps: AcceptDeps, jobId: string): Promise<JobRow | undefined> {
  try {
    return await getJob(deps.store.db, jobId);
  } catch (error) {
    // Still away: the caller tells that it does not know.
    deps.log.debug("the accepted job could not be read back", { job: jobId, error });
    return undefined;
  }
}

/** The marks of a request, if it has any: others are the same requests as before there were marks. */
export function marksOf({ labels, sourceSha }: JobMarks): JobMarks {
  return { ...(labels !== undefined && { labels }), ...(sourceSha !== undefined && { sourceSha }) };
}

function idempotencyKey(asker: Asker, body: unknown): IdempotencyKey | undefined {
  const { key, operation, principal } = asker;
  if (key === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,200}$/.test(key)) {
    throw new SlipwayError("IDEMPOTENCY_KEY_INVALID", { detail: "1 to 200 printable ASCII characters" });
  }
  const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  return { principal: principal.tokenId, operation, key, bodyHash };
}
