import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { askGates, gateClassOf } from "#common/domain/gates.ts";
import type { ActiveFreeze, GateAnswer } from "#common/domain/gates.ts";
import type { JobKind } from "#common/domain/job.ts";
import { lockGates, readGates } from "#common/store/freezes.ts";
import type { FreezeRow, GatesNow } from "#common/store/freezes.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { Db } from "#common/store/store.ts";
import { touchedBy } from "#common/store/touched.ts";
import { kindsUndone } from "#common/store/waiting-jobs.ts";

/** What the gates of some jobs are decided by, as it stands now. */
export interface GateFacts extends GatesNow {
  readonly undone: ReadonlyMap<string, JobKind>;
}

/**
 * Reads the gates in the transaction of the act that they guard. They are locked against changes until
 * it ends, so that whoever sets a freeze knows that nothing begins behind it.
 */
export async function lockGateFacts(tx: Db, jobs: readonly JobRow[]): Promise<GateFacts> {
  await lockGates(tx, environmentsOf(jobs), "to ask them");
  return readGateFacts(tx, jobs);
}

/** As `lockGateFacts`, for a look that decides nothing for good. */
export async function readGateFacts(db: Db, jobs: readonly JobRow[]): Promise<GateFacts> {
  const gates = await readGates(db, environmentsOf(jobs));
  return { ...gates, undone: await kindsUndone(db, jobs) };
}

/** The plan that a job would carry out; where it has none, what its request names. */
export interface AskedPlan {
  readonly hash: string;
  readonly results: JobRow["results"];
}

/** Which gate stops a job now, by its row and its plan. */
export function askJob(
  job: JobRow,
  from: {
    readonly environment: Pick<EnvironmentSettings, "windows" | "approvals">;
    readonly facts: GateFacts;
    readonly plan?: AskedPlan | undefined;
  },
): GateAnswer {
  const { environment, facts, plan } = from;
  const { spec } = job;
  const asked = job.phase === "waiting" && job.gate === "approval" ? job.gate_until : null;
  return askGates({
    now: facts.now,
    of: gateClassOf({ kind: job.kind, automatic: job.automatic, undoes: facts.undone.get(job.id) }),
    namespaces: touchedBy({ spec, results: plan?.results ?? job.results }),
    override: spec.override,
    notBefore: spec.kind === "release" && spec.notBefore !== undefined ? new Date(spec.notBefore) : undefined,
    planHash: plan?.hash ?? job.plan_hash,
    approvals: job.approvals,
    askedUntil: asked ?? undefined,
    rules: { windows: environment.windows ?? [], approvals: environment.approvals ?? [] },
    freezes: facts.freezes.filter((one) => one.environment === job.environment).map(toFreeze),
  });
}

function toFreeze({ environment, namespace, reason, set_by: by, until }: FreezeRow): ActiveFreeze {
  return { environment, namespace, reason, by, until };
}

function environmentsOf(jobs: readonly JobRow[]): readonly string[] {
  return [...new Set(jobs.map(({ environment }) => environment))];
}
