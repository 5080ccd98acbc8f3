import { sql, type Kysely } from "kysely";

import { accessTables } from "./access-tables.ts";

/**
 * The foundation. Migrations only expand within a minor version, and use SQL that PostgreSQL 15 has.
 * Times are Postgres' own (`clock_timestamp()`): process clocks only measure durations.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements: readonly string[] = [
  `create table settings_revisions (
    id bigint generated always as identity primary key,
    hash text not null unique,
    body jsonb not null,
    created_at timestamptz not null default clock_timestamp()
  )`,

  `create table tokens (
    id uuid primary key,
    hash bytea not null unique,
    name text not null,
    role text not null check (role in ('viewer', 'releaser', 'approver', 'admin')),
    -- What it is narrowed to: environments, namespaces, workloads; {} is everything.
    scope jsonb not null default '{}',
    groups text[] not null default '{}',
    -- The token's last characters, to tell it from others by sight.
    ending text not null default '',
    -- Who made it; a token's tokens end with it.
    created_by text,
    made_by uuid references tokens (id),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text
  )`,
  `create index tokens_made_by on tokens (made_by) where made_by is not null`,

  // One heartbeat row per worker renews all of its leases at once.
  `create table workers (
    id uuid primary key,
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    beat_at timestamptz not null default clock_timestamp()
  )`,

  // id: "lane:<lane id>" or "environment:<name>". owner null: handed back. fence only rises.
  `create table leases (
    id text primary key,
    fence bigint not null default 0,
    owner uuid,
    taken_at timestamptz
  )`,

  `create table lanes (
    id text primary key,
    url text not null,
    branch text not null,
    lane_ref text not null,
    level text check (level in ('lane-ref', 'lane-branch', 'branch-only')),
    lane_value text,
    tip text,
    tip_seen_at timestamptz,
    due_at timestamptz not null default clock_timestamp(),
    problem jsonb
  )`,

  `create table jobs (
    id uuid primary key,
    accepted bigint generated always as identity unique,
    kind text not null check (kind in ('release', 'rollback', 'policy', 'sync', 'restart')),
    environment text not null,
    lane_id text not null references lanes (id),
    settings_revision bigint not null references settings_revisions (id),
    phase text not null check (phase in ('queued', 'waiting', 'writing', 'rolling-out', 'succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded')),
    intent boolean not null default false,
    gate text,
    -- When the gate opens by itself, or until when an approval may come.
    gate_until timestamptz,
    waiting_for text,
    outcome text,
    priority smallint not null default 1,
    origin text not null check (origin in ('manual', 'automation', 'rollback')),
    headline text not null,
    spec jsonb not null,
    message text,
    requested_by text not null,
    request_id text,
    trace_parent text,
    labels jsonb not null default '{}',
    source_sha text,
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    due_at timestamptz default clock_timestamp(),
    attempt integer not null default 0,
    crashes integer not null default 0,
    last_step integer not null default 0,
    last_seq bigint not null default 0,
    cancel_requested_by text,
    cancel_requested_at timestamptz,
    unknown_since timestamptz,
    resolved jsonb,
    results jsonb not null default '[]',
    changes jsonb not null default '[]',
    targets jsonb not null default '[]',
    plan_hash text,
    approvals jsonb not null default '[]',
    commit_sha text,
    rollback_of uuid references jobs (id),
    automatic boolean not null default false,
    error jsonb,
    check (phase not in ('succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded') or (outcome is not null and finished_at is not null and due_at is null))
  )`,
  `create unique index jobs_one_automatic_rollback on jobs (rollback_of) where automatic`,
  `create index jobs_due on jobs (due_at) where due_at is not null`,
  `create index jobs_by_lane on jobs (lane_id, phase) where due_at is not null`,
  `create index jobs_by_environment on jobs (environment, phase) where due_at is not null`,
  `create index jobs_history on jobs (environment, accepted desc)`,
  `create index jobs_short_id on jobs (right(id::text, 8))`,
  `create index jobs_outcome_unknown on jobs (lane_id) where outcome = 'outcome-unknown'`,
  // What ran when, of one workload: only what reached git is looked for.
  `create index jobs_by_commit on jobs (commit_sha text_pattern_ops) where commit_sha is not null`,
  `create index jobs_by_changed_workload on jobs using gin (results jsonb_path_ops) where commit_sha is not null`,
  // What automation brought in vain.
  `create index jobs_automated on jobs (environment, finished_at) where origin = 'automation'`,
  `create index jobs_rollbacks on jobs (rollback_of) where rollback_of is not null`,
  // What the history is searched by, beside its order.
  `create index jobs_by_person on jobs (requested_by, accepted desc)`,
  `create index jobs_by_outcome on jobs (outcome, accepted desc)`,
  `create index jobs_by_phase on jobs (phase, accepted desc)`,
  `create index jobs_by_kind on jobs (kind, accepted desc)`,
  `create index jobs_by_time on jobs (created_at)`,
  `create index jobs_by_end on jobs (finished_at) where finished_at is not null`,
  `create index jobs_by_source on jobs (source_sha text_pattern_ops) where source_sha is not null`,
  // Workloads (w: with and without kind, a: asked for without), images (i: whole, without digest, without tag), labels (l:).
  `create function job_terms(spec jsonb, results jsonb, labels jsonb) returns text[]
    language sql immutable parallel safe as $$
      with named as (
        select asked as workload, null as image from jsonb_array_elements_text(spec->'workloads') as asked
        union all select ordered->>'workload', null from jsonb_array_elements(spec->'orders') as ordered
        union all select null, asked from jsonb_array_elements_text(spec->'images'->'exact') as asked
        union all select result->>'workload', result->>'from' from jsonb_array_elements(results) as result
        union all select null, result->>'to' from jsonb_array_elements(results) as result),
      terms as (
        select 'w:' || workload as term from named
        union select 'w:' || regexp_replace(workload, ':[^/]*/', '/') from named
        union select 'a:' || workload from named where workload not like '%:%'
        union select 'i:' || image from named
        union select 'i:' || regexp_replace(image, '@.*$', '') from named
        union select 'i:' || regexp_replace(regexp_replace(image, '@.*$', ''), ':[^/:]*$', '') from named
        union select 'l:' || key || '=' || value from jsonb_each_text(labels))
      select coalesce(array_agg(term), '{}') from terms where term is not null
    $$`,
  `create index jobs_by_terms on jobs using gin (job_terms(spec, results, labels))`,

  // The workloads that a job is about: what was asked for, what it found, and what it undoes. Null: all of
  // its environment, or nobody knows yet.
  `create function touched_workloads(job jobs) returns text[] language sql stable as $$
    select case
      when coalesce((job.spec->>'all')::boolean, false) then null
      when job.spec->>'namespace' is not null then array[(job.spec->>'namespace') || '/*']
      else (select array_agg(distinct one.workload) from (
        select jsonb_array_elements_text(coalesce(job.spec->'workloads', '[]')) as workload
        union all select o->>'workload' from jsonb_array_elements(coalesce(job.spec->'orders', '[]')) o
        union all select r->>'workload' from jsonb_array_elements(job.results) r
        union all select c->>'workload' from jsonb_array_elements(job.changes) c
        union all select c->>'workload' from jobs undone, jsonb_array_elements(undone.changes) c
          where undone.id = job.rollback_of
      ) as one)
    end
  $$`,

  `create table steps (
    job_id uuid not null references jobs (id) on delete cascade,
    number integer not null,
    seq bigint not null,
    text text not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    outcome text check (outcome in ('ok', 'failed', 'skipped')),
    detail text,
    primary key (job_id, number)
  )`,
  `create index steps_by_seq on steps (job_id, seq)`,

  `create table idempotency_keys (
    principal text not null,
    operation text not null,
    key text not null,
    body_hash text not null,
    -- Keys are gone long before their jobs are, so that none is left without one.
    job_id uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (principal, operation, key)
  )`,
  `create index idempotency_keys_by_age on idempotency_keys (created_at)`,

  // What happened, in the transaction of what it tells; read in the order of commit: (xid, id) below the
  // oldest transaction that runs. told: notifications were made of it.
  `create table events (
    id bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    environment text not null,
    kind text not null,
    job_id uuid,
    data jsonb not null default '{}',
    told boolean not null default false
  )`,
  `create index events_by_environment on events (environment, xid, id)`,
  `create index events_untold on events (id) where not told`,
  `create index events_by_age on events (at)`,

  // One event for one receiver. subject: what must stay in order (a job, else the environment).
  `create table deliveries (
    id uuid primary key,
    receiver text not null,
    event_id bigint not null,
    subject text not null,
    environment text not null,
    kind text not null,
    body jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
    attempt integer not null default 0,
    due_at timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    problem text,
    unique (receiver, event_id)
  )`,
  `create index deliveries_pending on deliveries (receiver, subject, event_id) where state = 'pending'`,
  `create index deliveries_due on deliveries (receiver, due_at) where state = 'pending'`,
  `create index deliveries_listed on deliveries (state, event_id desc, id desc)`,
  `create index deliveries_ended on deliveries (ended_at) where ended_at is not null`,

  // At most one open intent per lane: a lane with one does nothing else until it is resolved.
  `create table push_intents (
    id uuid primary key,
    lane_id text not null references lanes (id),
    fence bigint not null,
    base_sha text not null,
    tip_sha text not null,
    -- The proposal branch that is made; null: the lane's own branch is moved.
    proposal text,
    lane_old text not null,
    state text not null default 'open' check (state in ('open', 'landed', 'sealed', 'refused')),
    created_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz
  )`,
  `create unique index push_intents_one_open on push_intents (lane_id) where state = 'open'`,

  // One commit of the chain: what is needed to make the same object again, and the frozen plan.
  `create table intent_commits (
    intent_id uuid not null references push_intents (id) on delete cascade,
    position integer not null,
    job_id uuid not null references jobs (id) on delete cascade,
    commit_sha text not null,
    draft jsonb not null,
    plan jsonb not null,
    primary key (intent_id, position)
  )`,
  `create index intent_commits_by_job on intent_commits (job_id)`,

  `create table push_attempts (
    intent_id uuid not null references push_intents (id) on delete cascade,
    number integer not null,
    lane_new text not null,
    fence bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    answer text,
    primary key (intent_id, number)
  )`,

  // Parse results by content: a blob is parsed once, whatever commit or path it stands in.
  `create table manifest_blobs (
    blob_oid text not null,
    default_namespace text not null,
    parser integer not null,
    parsed jsonb not null,
    primary key (blob_oid, default_namespace, parser)
  )`,

  `create table environment_tips (
    environment text primary key,
    lane_id text not null,
    commit_sha text not null,
    indexed_at timestamptz not null default clock_timestamp(),
    checked_at timestamptz not null default clock_timestamp(),
    faults jsonb not null default '[]'
  )`,

  `create table declared_workloads (
    environment text not null,
    workload text not null,
    path text not null,
    document integer not null,
    line integer not null,
    blob_oid text not null,
    containers jsonb not null,
    policies jsonb not null,
    labels jsonb not null default '{}',
    repositories text[] not null,
    -- Why the file cannot be read any more; the row is then what it declared when it could.
    fault jsonb,
    primary key (environment, workload, path, document)
  )`,
  `create index declared_by_repository on declared_workloads using gin (repositories)`,

  `create table image_repositories (
    key text primary key,
    host text not null generated always as (split_part(key, '/', 1)) stored,
    etag text,
    wanted_at timestamptz,
    scanned_at timestamptz,
    first_scanned_at timestamptz,
    due_at timestamptz default clock_timestamp(),
    complete boolean not null default false,
    failures integer not null default 0,
    problem jsonb,
    -- What the pace goes by: when its tags last changed, when somebody last asked, and who uses it.
    changed_at timestamptz,
    asked_at timestamptz,
    automated boolean not null default false,
    -- The pace as it was decided last, and why.
    interval_ms double precision,
    interval_reason text,
    -- While a scanner has it, due_at is the end of its claim.
    claimed_by text,
    -- Its list has changed, and what is new of it has not been read.
    reading boolean not null default true,
    -- Somebody wants to see all of its images, not only those that matter by themselves.
    read_all boolean not null default false,
    -- The look at known tags for digests that moved: when, the scans since, and the tag it ended with.
    moves_at timestamptz,
    moves_scans integer not null default 0,
    moves_after text
  )`,
  `create index image_repositories_due on image_repositories (host, due_at) where due_at is not null`,

  // What may be asked of a registry host, for all scanners together.
  `create table registry_hosts (
    host text primary key,
    requests_per_second double precision not null,
    burst double precision not null,
    -- Below zero it is what was taken in advance for somebody who waits.
    tokens double precision not null,
    refilled_at timestamptz not null default clock_timestamp(),
    requests bigint not null default 0,
    -- It answered 429: nobody asks it before, and how often in a row.
    left_alone_until timestamptz,
    refusals integer not null default 0,
    -- It did not answer several times in a row: nobody asks it by the schedule before.
    silent_until timestamptz
  )`,

  // Everything a digest says of itself is immutable: fetched once, kept for ever.
  `create table image_manifests (
    digest text primary key,
    media_type text not null,
    kind text not null,
    created_at timestamptz,
    created_from text,
    platforms jsonb not null default '[]',
    labels jsonb not null default '{}',
    size_bytes bigint,
    first_seen_at timestamptz not null default clock_timestamp()
  )`,

  `create table image_tags (
    repository text not null references image_repositories (key) on delete cascade,
    tag text not null,
    digest text,
    first_seen_at timestamptz not null default clock_timestamp(),
    digest_seen_at timestamptz,
    moved_at timestamptz,
    primary key (repository, tag)
  )`,

  `create table holds (
    environment text not null,
    workload text not null,
    container text not null,
    image text not null,
    job_id uuid not null references jobs (id) on delete cascade,
    reason text not null,
    set_by text not null default 'automation',
    since timestamptz not null default clock_timestamp(),
    -- One that is over is kept: what failed before it was lifted speaks against nothing any more.
    lifted_at timestamptz,
    lifted_by text,
    primary key (environment, workload, container)
  )`,

  // Something happened that may let automation decide otherwise. Only inserted, so that whoever tells of it
  // locks nothing that others share; the decision that has seen it deletes it.
  `create table automation_wakes (
    id bigint generated always as identity primary key,
    environment text not null,
    at timestamptz not null default clock_timestamp(),
    why text not null
  )`,
  `create index automation_wakes_by_environment on automation_wakes (environment, at)`,

  // When an environment is decided anew though nobody tells of anything.
  `create table automation (
    environment text primary key,
    due_at timestamptz not null default clock_timestamp(),
    decided_at timestamptz
  )`,

  // A stop that people set: it works with git down. namespace null: the whole environment.
  `create table freezes (
    id uuid primary key,
    environment text not null,
    namespace text,
    reason text not null,
    set_by text not null,
    set_at timestamptz not null default clock_timestamp(),
    until timestamptz,
    lifted_by text,
    lifted_at timestamptz
  )`,
  `create unique index freezes_one on freezes (environment, coalesce(namespace, '')) where lifted_at is null`,

  // Results of fluxctl's dry runs, which it polls like jobs; gone after an hour.
  `create table flux_plans (
    id uuid primary key,
    principal text not null,
    made_at timestamptz not null default clock_timestamp(),
    result jsonb not null
  )`,

  ...accessTables,
];
