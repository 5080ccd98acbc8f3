/** What the foundation has for who did what, how often, and what clients carry about; it stands on `jobs`. */
export const accessTables: readonly string[] = [
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

  // Which versions may work with this database (domain/schema-level.ts), and whose it is.
  `create table database_facts (
    single boolean primary key default true check (single),
    level integer not null,
    readable_from integer not null,
    installation text
  )`,

  // Budgets of requests, shared by all API processes; they are counted anew after a crash of Postgres.
  `create unlogged table rate_budgets (
    key text primary key,
    level double precision not null,
    granted integer not null,
    at timestamptz not null default clock_timestamp()
  )`,
];
