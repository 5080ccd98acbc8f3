import { sql } from "kysely";

import { timingOf } from "../contracts/automation-settings.ts";
import type { EnvironmentSettings } from "../contracts/settings.ts";
import type { EnvironmentFacts, IndexedWorkload } from "../domain/automation.ts";
import { gatesClosedFor } from "../domain/automation-gates.ts";
import { triesOf } from "../domain/automation-tries.ts";
import type { DecideFacts, RepositoryFact } from "../domain/decide.ts";
import { effectivePolicies } from "../domain/effective-policy.ts";
import { repositoryKey, tryParseImageRef } from "../domain/image-ref.ts";
import type { Platform } from "../domain/platform.ts";
import { formatWorkloadId, parseWorkloadId } from "../domain/workload.ts";
import { finderOf } from "../domain/workload-finder.ts";
import type { Finder } from "../domain/workload-finder.ts";
import { openJobs, scanTimes, triedContainers } from "./automation-facts.ts";
import type { OpenJob } from "./automation-facts.ts";
import type { Db } from "./db.ts";
import { toIndexedWorkload } from "./declared-subject.ts";
import { readGates } from "./freezes.ts";
import { holdsOf, liftedHolds } from "./holds.ts";
import { repositoryFacts } from "./image-facts.ts";
import { declaredWorkloads } from "./manifests.ts";

/** More automatic rollbacks than this in ten minutes: people must look before anything moves by itself. */
export const mostAutomaticRollbacks = 5;
const stormMs = 600_000;

/** What a cluster runs, as whoever asks knows it. */
export interface ClusterFacts {
  /** Undefined where the view cannot tell. */
  readonly running: ReadonlySet<string> | undefined;
  readonly ageMs: number | undefined;
  readonly nodes: readonly Platform[];
}

export interface ReadFacts {
  readonly facts: EnvironmentFacts;
  readonly open: readonly OpenJob[];
  readonly lifted: ReadonlyMap<string, Date>;
}

/** Everything that automation decides an environment by, as Postgres has it, and what its cluster runs. */
export async function readEnvironmentFacts(
  db: Db,
  asked: { readonly environment: EnvironmentSettings; readonly cluster: ClusterFacts },
): Promise<ReadFacts> {
  const { environment, cluster } = asked;
  const { name, policies: rules = [], windows = [] } = environment;
  const [rows, gates, holds, lifted, open, tried, stormUntil] = await Promise.all([
    declaredWorkloads(db, name),
    readGates(db, [name]),
    holdsOf(db, name),
    liftedHolds(db, name),
    openJobs(db, name),
    triedContainers(db, name),
    stormEnd(db, name),
  ]);
  const declared = rows.map(toIndexedWorkload);
  const { now } = gates;
  const freezes = gates.freezes.map((freeze) => ({ ...freeze, by: freeze.set_by }));
  const timing = timingOf(environment);
  const facts: EnvironmentFacts = {
    automation: environment.automation ?? "off",
    rules,
    declared,
    running: cluster.running,
    clusterAgeMs: cluster.ageMs,
    nodes: cluster.nodes,
    repositories: await repositoriesOf(db, { keys: keysOf(declared, rules), now }),
    holds,
    gatesOf: (namespace) => gatesClosedFor(namespace, { windows, freezes, stormUntil, now }),
    busy: busyOf(open, declared),
    tries: triesOf(tried, lifted),
    now,
    limits: { clusterAgeMs: timing.clusterAge, imagesAgeMs: timing.imagesAge },
  };
  return { facts, open, lifted };
}

/** Until when so many automatic rollbacks are within ten minutes that nothing moves by itself. */
export async function stormEnd(db: Db, environment: string): Promise<Date | undefined> {
  const { rows } = await sql<{ until: Date }>`
    select created_at + ${stormMs} * interval '1 millisecond' as until from jobs
    where environment = ${environment} and automatic
      and created_at > clock_timestamp() - ${stormMs} * interval '1 millisecond'
    order by created_at desc offset ${mostAutomaticRollbacks - 1} limit 1`.execute(db);
  return rows[0]?.until;
}

/** Image repositories of what may move by itself. */
function keysOf(declared: readonly IndexedWorkload[], rules: EnvironmentFacts["rules"]): readonly string[] {
  const moving = declared.filter((one) => {
    const { automated, group } = effectivePolicies(rules, one);
    return automated || group !== undefined;
  });
  const refs = moving.flatMap(({ containers }) => containers.map(({ image }) => tryParseImageRef(image)));
  return [...new Set(refs.flatMap((ref) => (ref === undefined ? [] : [repositoryKey(ref)])))];
}

async function repositoriesOf(
  db: Db,
  { keys, now }: { readonly keys: readonly string[]; readonly now: Date },
): Promise<DecideFacts["repositories"]> {
  const [known, times] = await Promise.all([repositoryFacts(db, keys), scanTimes(db, keys)]);
  return new Map(
    [...known].map(([key, { images }]): [string, RepositoryFact] => {
      const at = times.get(key);
      return [
        key,
        { images, ageMs: at === undefined ? undefined : Math.max(0, now.getTime() - at.getTime()) },
      ];
    }),
  );
}

/** What a job is at, so that automation keeps away until it ends; jobs that wait for people are at nothing. */
export function busyOf(
  open: readonly OpenJob[],
  declared: readonly IndexedWorkload[],
): ReadonlyMap<string, string> {
  const find = finderOf(declared);
  const busy = new Map<string, string>();
  for (const job of open) {
    const said = `job ${job.id.slice(-8)}`;
    for (const workload of workloadsOf(job, { declared, find }))
      if (!busy.has(workload)) busy.set(workload, said);
  }
  return busy;
}

function workloadsOf(
  job: OpenJob,
  { declared, find }: { declared: readonly IndexedWorkload[]; find: Finder<IndexedWorkload> },
): readonly string[] {
  // A proposal is on its way; for everything else people may wait for long.
  if (job.phase === "waiting" && job.gate !== "merge") return [];
  if (job.phase === "rolling-out") return rolling(job);
  const { spec } = job;
  if (spec.kind === "rollback") return [];
  if (spec.kind === "policy") return spec.orders.flatMap(({ workload }) => named(find, workload));
  if ("all" in spec && spec.all) return declared.map(({ id }) => formatWorkloadId(id));
  return spec.workloads.flatMap((text) => named(find, text));
}

/** Where every verdict is known and the job has not ended, it is being undone. */
function rolling({ targets }: OpenJob): readonly string[] {
  const isUndone = targets.every(({ verdict }) => verdict !== "pending");
  return targets
    .filter(({ verdict }) => isUndone || verdict === "pending" || verdict === "bad")
    .map(({ workload }) => workload);
}

function named(find: Finder<IndexedWorkload>, text: string): readonly string[] {
  return find(parseWorkloadId(text)).map(({ id }) => formatWorkloadId(id));
}
