import type { ColumnType, Generated, Insertable, Selectable } from "kysely";
import type { ContainerResult } from "../contracts/http.ts";
import type { GivenApproval } from "../domain/gates.ts";
import type { JobKind, JobPhase } from "../domain/job.ts";
import type { SourceChange } from "../domain/manifest.ts";
import type { OwnerName } from "../domain/owner.ts";
import type { ChosenContainers } from "../domain/plan-only.ts";
import type { ImageSelect } from "../domain/plan.ts";
import type { Policies, PolicyPrefix } from "../domain/policy.ts";
import type { PolicyOrder } from "../domain/policy-orders.ts";
import type { ResolvedChoice } from "../domain/plan-choice.ts";
import type { AuditTable, DeliveriesTable, TokensTable } from "./schema-access.ts";
import type { Big, GeneratedBig, Json, NullableTime, Time } from "./schema-columns.ts";

/** The tables as rows of our language; the migrations are their source. */

export interface JobErrorRow {
  readonly code: string;
  readonly title: string;
  readonly detail: string | null;
  readonly hint: string | null;
}

/** A request after validation and defaults: what the planner is asked. */
export type JobSpec =
  | {
      readonly kind: "release";
      readonly workloads: readonly string[];
      readonly all: boolean;
      readonly exclude: readonly string[];
      readonly images: { readonly select: ImageSelect } | { readonly exact: readonly string[] };
      readonly override: readonly string[];
      /** Narrows it to containers, each with an image of its own. */
      readonly only?: ChosenContainers;
      /** From its acceptance on, for exact images that do not exist yet. */
      readonly waitForImageSeconds?: number;
      /** The job waits until then. */
      readonly notBefore?: string;
    }
  | { readonly kind: "rollback"; readonly of: string; readonly override: readonly string[] }
  | {
      /** Brings workloads to what git declares at the tip. */
      readonly kind: "sync";
      readonly workloads: readonly string[];
      /** Every declared workload, or those of `namespace`. */
      readonly all: boolean;
      readonly namespace: string | null;
      readonly override: readonly string[];
    }
  | {
      /** Changes policies in git, of several workloads at once. */
      readonly kind: "policy";
      readonly orders: readonly PolicyOrder[];
      /** For keys that a workload does not have yet; null: the one it uses, else ours. */
      readonly prefix: PolicyPrefix | null;
      /** Automates without a filter, as Flux v1 did. */
      readonly unfiltered: boolean;
      readonly override: readonly string[];
    }
  | {
      /** Makes new pods of the same template. */
      readonly kind: "restart";
      readonly workloads: readonly string[];
      readonly override: readonly string[];
    };

/** One changed field in one file, with its source bytes: what a rollback writes back. */
export interface RecordedChange extends SourceChange {
  readonly path: string;
}

/** Somebody else applies it and we watch: who, as last seen ("none" where nobody's mark was). */
export interface HandedOff extends OwnerName {
  /**
   * Why it ended without a fault of the workload's: its owner did not bring the commit, or was not
   * ready in the end. Nothing is undone for either by itself.
   */
  readonly inVain?: "not-picked-up" | "owner-not-ready";
}

/** One workload that a job rolls out, from apply to verdict. */
export interface RolloutTarget {
  readonly workload: string;
  readonly path: string;
  /** container → image as committed */
  readonly images: Readonly<Record<string, string>>;
  readonly applied: boolean;
  readonly uid: string | null;
  readonly generation: number | null;
  readonly verdict: "pending" | "good" | "bad" | "superseded" | "skipped";
  readonly reason: string | null;
  /** What was last seen wrong while it had no verdict: a crashing pod shows its reason only now and then. */
  readonly trouble?: string;
  /** Only annotations changed: they are brought to the cluster where that changes nothing else. */
  readonly policiesOnly?: true;
  /** As its policies say; absent where they leave it to the environment. */
  readonly deadlineMs?: number;
  readonly autoRollback?: boolean;
  /** Rollout time used up so far while the view was fresh, in ms; counted anew once an owner has applied it. */
  readonly spentMs: number;
  /** From how much of that time on it has been healthy without a break, while it must stay so for longer. */
  readonly healthySinceMs?: number;
  /** Not applied by us; `uid` and `generation` are those after its owner applied the commit. */
  readonly handedOff?: HandedOff;
}

export interface JobsTable {
  id: string;
  accepted: GeneratedBig;
  kind: JobKind;
  environment: string;
  lane_id: string;
  settings_revision: Big;
  phase: JobPhase;
  intent: Generated<boolean>;
  gate: string | null;
  gate_until: NullableTime;
  waiting_for: string | null;
  outcome: string | null;
  priority: number;
  origin: "manual" | "automation" | "rollback";
  headline: string;
  spec: Json<JobSpec>;
  message: string | null;
  requested_by: string;
  request_id: string | null;
  /** Where the trace of its request goes on, in the spelling of W3C's header. */
  trace_parent: string | null;
  /** What the requester named it by, such as the build. */
  labels: ColumnType<Readonly<Record<string, string>>, string | undefined, string>;
  /** The commit of the source that the images were built from. */
  source_sha: string | null;
  created_at: Time;
  started_at: NullableTime;
  finished_at: NullableTime;
  due_at: NullableTime;
  attempt: Generated<number>;
  crashes: Generated<number>;
  last_step: Generated<number>;
  last_seq: ColumnType<bigint, bigint | undefined, bigint>;
  cancel_requested_by: string | null;
  cancel_requested_at: NullableTime;
  unknown_since: NullableTime;
  /** What the first planning chose, frozen with it (CORRECTNESS 13). */
  resolved: ColumnType<readonly ResolvedChoice[] | null, string | null | undefined, string | null>;
  results: ColumnType<readonly ContainerResult[], string | undefined, string>;
  changes: ColumnType<readonly RecordedChange[], string | undefined, string>;
  targets: ColumnType<readonly RolloutTarget[], string | undefined, string>;
  plan_hash: string | null;
  approvals: ColumnType<readonly GivenApproval[], string | undefined, string>;
  commit_sha: string | null;
  rollback_of: string | null;
  automatic: Generated<boolean>;
  error: ColumnType<JobErrorRow | null, string | null | undefined, string | null>;
}

export interface StepsTable {
  job_id: string;
  number: number;
  seq: Big;
  text: string;
  started_at: Time;
  ended_at: NullableTime;
  outcome: "ok" | "failed" | "skipped" | null;
  detail: string | null;
}

export interface LanesTable {
  id: string;
  url: string;
  branch: string;
  lane_ref: string;
  /** What the host lets us keep beside the branch; null until the lane's first act. */
  level: "lane-ref" | "lane-branch" | "branch-only" | null;
  lane_value: string | null;
  tip: string | null;
  tip_seen_at: NullableTime;
  due_at: Time;
  problem: ColumnType<JobErrorRow | null, string | null | undefined, string | null>;
}

export interface PushIntentsTable {
  id: string;
  lane_id: string;
  fence: Big;
  base_sha: string;
  tip_sha: string;
  /** The proposal branch that is made; null: the lane's own branch is moved. */
  proposal: string | null;
  lane_old: string;
  state: Generated<"open" | "landed" | "sealed" | "refused">;
  created_at: Time;
  resolved_at: NullableTime;
}

/** A commit as plain data (bytes in base64): the same draft on the same base gives the same object. */
export interface StoredDraft {
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string; readonly at: string };
  readonly committer: { readonly name: string; readonly email: string; readonly at: string };
  readonly files: readonly { readonly path: string; readonly mode: string; readonly base64: string }[];
  /** The commit object of a signed commit (base64): its signature cannot be made again elsewhere. */
  readonly raw?: string;
}

/** What an adopted commit means for its job. */
export interface StoredPlan {
  readonly results: readonly ContainerResult[];
  readonly changes: readonly RecordedChange[];
  readonly targets: readonly RolloutTarget[];
}

export interface IntentCommitsTable {
  intent_id: string;
  position: number;
  job_id: string;
  commit_sha: string;
  draft: Json<StoredDraft>;
  plan: Json<StoredPlan>;
}

export interface PushAttemptsTable {
  intent_id: string;
  number: number;
  lane_new: string;
  fence: Big;
  created_at: Time;
  answer: string | null;
}

export interface Database {
  settings_revisions: { id: GeneratedBig; hash: string; body: Json<unknown>; created_at: Time };
  tokens: TokensTable;
  database_facts: {
    single: Generated<boolean>;
    level: number;
    readable_from: number;
    installation: string | null;
  };
  workers: { id: string; name: string; started_at: Time; beat_at: Time };
  leases: {
    id: string;
    fence: ColumnType<bigint, bigint | undefined, bigint>;
    owner: string | null;
    taken_at: NullableTime;
  };
  lanes: LanesTable;
  jobs: JobsTable;
  steps: StepsTable;
  idempotency_keys: {
    principal: string;
    operation: string;
    key: string;
    body_hash: string;
    job_id: string;
    created_at: Time;
  };
  push_intents: PushIntentsTable;
  intent_commits: IntentCommitsTable;
  push_attempts: PushAttemptsTable;
  manifest_blobs: { blob_oid: string; default_namespace: string; parser: number; parsed: Json<unknown> };
  environment_tips: {
    environment: string;
    lane_id: string;
    commit_sha: string;
    indexed_at: Time;
    checked_at: Time;
    faults: ColumnType<readonly IndexFault[], string | undefined, string>;
  };
  declared_workloads: {
    environment: string;
    workload: string;
    path: string;
    document: number;
    line: number;
    blob_oid: string;
    containers: Json<readonly DeclaredContainerRow[]>;
    policies: Json<DeclaredPoliciesRow>;
    labels: ColumnType<Readonly<Record<string, string>>, string | undefined, string>;
    repositories: string[];
    fault: ColumnType<DeclaredFault | null, string | null | undefined, string | null>;
  };
  image_repositories: {
    key: string;
    host: ColumnType<string, never, never>;
    etag: string | null;
    wanted_at: NullableTime;
    scanned_at: NullableTime;
    first_scanned_at: NullableTime;
    due_at: NullableTime;
    complete: Generated<boolean>;
    failures: Generated<number>;
    problem: ColumnType<JobErrorRow | null, string | null | undefined, string | null>;
    changed_at: NullableTime;
    asked_at: NullableTime;
    automated: Generated<boolean>;
    interval_ms: number | null;
    interval_reason: string | null;
    claimed_by: string | null;
    reading: Generated<boolean>;
    read_all: Generated<boolean>;
    moves_at: NullableTime;
    moves_scans: Generated<number>;
    moves_after: string | null;
  };
  registry_hosts: {
    host: string;
    requests_per_second: number;
    burst: number;
    tokens: number;
    refilled_at: Time;
    requests: Big;
    left_alone_until: NullableTime;
    refusals: Generated<number>;
    silent_until: NullableTime;
  };
  image_manifests: {
    digest: string;
    media_type: string;
    kind: string;
    created_at: NullableTime;
    created_from: string | null;
    platforms: ColumnType<readonly string[], string | undefined, string>;
    labels: ColumnType<Readonly<Record<string, string>>, string | undefined, string>;
    size_bytes: ColumnType<bigint | null, bigint | null | undefined, bigint | null>;
    first_seen_at: Time;
  };
  image_tags: {
    repository: string;
    tag: string;
    digest: string | null;
    first_seen_at: Time;
    digest_seen_at: NullableTime;
    moved_at: NullableTime;
  };
  holds: {
    environment: string;
    workload: string;
    container: string;
    image: string;
    job_id: string;
    reason: string;
    /** Who: a person, or "automation". */
    set_by: Generated<string>;
    since: Time;
    lifted_at: NullableTime;
    lifted_by: string | null;
  };
  automation_wakes: { id: GeneratedBig; environment: string; at: Time; why: string };
  automation: { environment: string; due_at: Time; decided_at: NullableTime };
  freezes: {
    id: string;
    environment: string;
    namespace: string | null;
    reason: string;
    set_by: string;
    set_at: Time;
    until: NullableTime;
    lifted_by: string | null;
    lifted_at: NullableTime;
  };
  events: {
    id: GeneratedBig;
    /** An xid8, as text. */
    xid: Generated<string>;
    at: Time;
    environment: string;
    kind: string;
    job_id: string | null;
    data: ColumnType<Readonly<Record<string, unknown>>, string | undefined, string>;
    told: Generated<boolean>;
  };
  deliveries: DeliveriesTable;
  flux_plans: { id: string; principal: string; made_at: Time; result: Json<unknown> };
  audit: AuditTable;
  installation: { single: Generated<boolean>; cursor_key: Buffer };
  rate_budgets: { key: string; level: number; granted: number; at: Time };
}

export interface IndexFault {
  readonly path: string;
  readonly line: number | null;
  readonly message: string;
}

/** Why the file of a declared workload cannot be read any more. */
export interface DeclaredFault {
  readonly message: string;
  readonly line: number | null;
}

export interface DeclaredContainerRow {
  readonly name: string;
  readonly image: string;
  readonly init: boolean;
  readonly editable: boolean;
  readonly reason: string | null;
}

/** A workload's annotations as they are read. */
export interface DeclaredPoliciesRow extends Omit<Policies, "hold"> {
  readonly hold: string | null;
  /** What is wrong with them. */
  readonly faults?: readonly string[];
}

export type JobRow = Selectable<JobsTable>;
export type NewJobRow = Insertable<JobsTable>;
export type StepRow = Selectable<StepsTable>;
export type LaneRow = Selectable<LanesTable>;
export type DeliveryRow = Selectable<DeliveriesTable>;
