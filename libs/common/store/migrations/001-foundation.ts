import { sql, type Kysely } from "kysely";

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
    waiting_for text,
    outcome text,
    priority smallint not null default 1,
    origin text not null check (origin in ('manual', 'automation', 'rollback')),
    headline text not null,
    spec jsonb not null,
    message text,
    requested_by text not null,
    request_id text,
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
  `create index jobs_rollbacks on jobs (rollback_of) where rollback_of is not null`,

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
    job_id uuid not null references jobs (id) on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    primary key (principal, operation, key)
  )`,

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
    etag text,
    wanted_at timestamptz,
    scanned_at timestamptz,
    due_at timestamptz default clock_timestamp(),
    complete boolean not null default false,
    failures integer not null default 0,
    problem jsonb
  )`,
  `create index image_repositories_due on image_repositories (due_at) where due_at is not null`,

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
    since timestamptz not null default clock_timestamp(),
    primary key (environment, workload, container)
  )`,

  // Results of fluxctl's dry runs, which it polls like jobs; gone after an hour.
  `create table flux_plans (
    id uuid primary key,
    principal text not null,
    made_at timestamptz not null default clock_timestamp(),
    result jsonb not null
  )`,

  // Append-only: see the trigger. Sealed into a hash chain afterwards by one leased sealer, never on the accept path.
  `create table audit (
    id bigint generated always as identity primary key,
    -- Readers that go on from where they were must not pass a row that is committed later.
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    principal text not null,
    principal_id text,
    operation text not null,
    environment text,
    job_id uuid,
    outcome text not null,
    reason text,
    address text,
    request_id text,
    before jsonb,
    after jsonb,
    detail jsonb not null default '{}',
    -- What it is about, where that is not all of the environment: who may see these may see the row.
    workloads text[]
  )`,
  `create index audit_in_order on audit (xid, id)`,
  `create index audit_by_time on audit (at)`,
  `create index audit_by_job on audit (job_id) where job_id is not null`,

  // Only the sweep of old rows may delete, and only what is old: it says so for its transaction.
  `create function audit_is_append_only() returns trigger language plpgsql as $$
  begin
    if tg_op = 'DELETE' and current_setting('slipway.audit_sweep', true) = 'on'
       and old.at < clock_timestamp() - interval '30 days' then
      return old;
    end if;
    raise exception 'audit is append-only' using errcode = 'insufficient_privilege';
  end $$`,
  `create trigger audit_append_only before update or delete on audit
    for each row execute function audit_is_append_only()`,
  `create trigger audit_no_truncate before truncate on audit
    for each statement execute function audit_is_append_only()`,

  // Every end of a job tells what it changed, from which image to which, whoever ended it.
  `create function audit_job_end() returns trigger language plpgsql as $$
  declare
    done jsonb := coalesce((select jsonb_agg(r) from jsonb_array_elements(new.results) r where r->>'result' <> 'skip'), '[]');
  begin
    insert into audit (principal, operation, environment, job_id, outcome, reason, request_id, before, after, detail, workloads)
    select new.requested_by, 'jobEnded', new.environment, new.id, new.outcome, new.message, new.request_id,
      (select jsonb_object_agg((r->>'workload') || ' ' || (r->>'container'), r->'from') from jsonb_array_elements(done) r),
      (select jsonb_object_agg((r->>'workload') || ' ' || (r->>'container'), r->'to') from jsonb_array_elements(done) r),
      jsonb_strip_nulls(jsonb_build_object('kind', new.kind, 'headline', new.headline, 'commit', new.commit_sha,
        'origin', new.origin, 'error', new.error->'code')),
      touched_workloads(new);
    return null;
  end $$`,
  `create trigger jobs_audit_end after update of phase on jobs for each row
    when (old.finished_at is null and new.finished_at is not null) execute function audit_job_end()`,

  // What only this installation knows: it seals the cursors that clients bring back.
  `create table installation (single boolean primary key default true check (single), cursor_key bytea not null)`,

  // Budgets of requests, shared by all API processes; they are counted anew after a crash of Postgres.
  `create unlogged table rate_budgets (
    key text primary key,
    level double precision not null,
    granted integer not null,
    at timestamptz not null default clock_timestamp()
  )`,
];
