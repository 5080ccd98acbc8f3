import { laneSubject } from "#common/contracts/queue.ts";
import type { ContainerResult } from "#common/contracts/http.ts";
import { shortName } from "#common/domain/plan.ts";
import { leftLine } from "#common/domain/sync-words.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { afterApply } from "./apply-job.ts";
import { endJob } from "./end-job.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { syncObjects, type SyncedObject } from "./sync-apply.ts";
import { chooseObjects } from "./sync-targets.ts";
import { openTargetSteps } from "./target-steps.ts";
import { endVanished, isOnBranch } from "./vanished.ts";

/** What the watcher watches: a rollout of these can be judged, anything else is done once applied. */
const judgedKinds = ["deployment", "statefulset", "daemonset", "cronjob"];
/** Over this many the log counts; the rest is in the results. */
const maxNamedLines = 10;
const maxToldDifferences = 3;
const maxToldObjects = 3;

/**
 * Looks at everything a sync is about, writes what differs, and records what came of it in one
 * transaction. Safe to repeat: what this job applied before is recognised by its annotations.
 */
export async function syncJob(context: EnvironmentContext, job: JobRow): Promise<void> {
  if (job.spec.kind !== "sync") return;
  if (!(await isOnBranch(context, job))) return endVanished(context, job);
  const { deps, environment } = context;
  const view = await deps.tipsOf(environment).read(job.commit_sha ?? "", environment);
  const objects = await chooseObjects(view, job.spec, { mustBeDeclared: job.origin === "manual" });
  const synced = await syncObjects(context, job, objects);
  if (synced === "vanished") return endVanished(context, job);
  await record(context, job, synced);
}

async function record(
  context: EnvironmentContext,
  job: JobRow,
  synced: readonly SyncedObject[],
): Promise<void> {
  const { deps, lease } = context;
  const targets = synced.filter(({ outcome }) => outcome.kind !== "left").map(toTarget);
  const results = synced.flatMap(toResults);
  const bad = targets.filter((target) => target.verdict === "bad");
  const isOver = targets.every((target) => target.verdict !== "pending");
  const undoing = await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, {
      outcome: bad.length === 0 ? "ok" : "failed",
      detail: bad.length === 0 ? comparedDetail(synced) : failures(bad),
    });
    await steps.appendSteps(tx, job.id, [
      ...leftSteps(synced),
      ...createdSteps(synced),
      ...(targets.length === 0 ? [{ text: "Nothing to do." }] : []),
      ...openTargetSteps({ ...job, targets }),
    ]);
    if (isOver) return endJob(tx, context, { ...job, targets, results });
    await jobs.patchJob(tx, job.id, { targets, results, waiting_for: null, unknown_since: null });
    return false;
  });
  deps.store.hint(job.id);
  if (undoing) await deps.ring(laneSubject(job.lane_id));
}

function toTarget({ object, outcome }: SyncedObject): RolloutTarget {
  const target = afterApply(
    {
      workload: object.id,
      path: object.path,
      images: object.images,
      applied: false,
      uid: null,
      generation: null,
      verdict: "pending",
      reason: null,
      spentMs: 0,
    },
    outcome,
  );
  const isJudged = judgedKinds.includes(parseWorkloadId(object.id).kind ?? "");
  return target.verdict === "pending" && !isJudged ? { ...target, verdict: "good" } : target;
}

/** One for each container; one without a container for what has none. */
function toResults(synced: SyncedObject): ContainerResult[] {
  const containers = Object.entries(synced.object.images);
  return (containers.length === 0 ? [["", ""] as const] : containers).map(([container, image]) =>
    toResult(synced, container, image),
  );
}

function toResult({ object, outcome, before, differed }: SyncedObject, container: string, image: string) {
  const base = { workload: object.id, container, file: object.path === "" ? null : object.path };
  if (outcome.kind === "left") {
    const { reason, detail = null } = outcome.left;
    return { ...base, from: image, to: null, result: "skip" as const, reason, detail };
  }
  const told = { from: before?.[container] ?? (outcome.kind === "created" ? "" : image), to: image };
  if (outcome.kind === "refused") {
    return { ...base, ...told, result: "failed" as const, reason: null, detail: outcome.error.message };
  }
  const reason = outcome.kind === "created" ? "created" : null;
  return { ...base, ...told, result: "change" as const, reason, detail: differences(differed) };
}

/** "spec.replicas, spec.template.spec.containers[web].image, and 2 more" */
function differences(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  const more = paths.length - maxToldDifferences;
  const tail = more > 0 ? [`and ${more} more`] : [];
  return [...paths.slice(0, maxToldDifferences), ...tail].join(", ");
}

function leftSteps(synced: readonly SyncedObject[]) {
  const left = synced.flatMap(({ object, outcome }) =>
    outcome.kind === "left" ? [{ name: nameOf(object.id), ...outcome.left }] : [],
  );
  if (left.length <= maxNamedLines)
    return left.map((one) => ({ text: leftLine(one.name, one), outcome: "skipped" as const }));
  const counts = Map.groupBy(left, ({ reason }) => reason);
  const detail = [...counts].map(([reason, some]) => `${some.length} ${reason}`).join(", ");
  return [{ text: `${left.length} objects are left alone.`, outcome: "skipped" as const, detail }];
}

function createdSteps(synced: readonly SyncedObject[]) {
  const names = synced.flatMap(({ object, outcome }) =>
    outcome.kind === "created" ? [nameOf(object.id)] : [],
  );
  if (names.length === 0) return [];
  const shown = names.length > maxNamedLines ? `${names.length} objects` : names.join(", ");
  return [{ text: `Create ${shown}.` }];
}

/** Workloads as everywhere; anything else with its kind, since a Service is often named like its pods. */
function nameOf(id: string): string {
  const { kind = "", namespace, name } = parseWorkloadId(id);
  return judgedKinds.includes(kind) ? shortName(id) : `${kind} ${namespace}/${name}`;
}

function failures(bad: readonly RolloutTarget[]): string {
  return bad.map((target) => `${nameOf(target.workload)}: ${target.reason ?? ""}`).join("; ");
}

/** "shop/web: spec.replicas; shop/api: absent", or how many of how many. */
function comparedDetail(synced: readonly SyncedObject[]): string {
  const different = synced.filter(({ outcome }) => outcome.kind !== "left");
  if (different.length === 0) return `${synced.length} as git declares`;
  if (different.length > maxToldObjects) return `${different.length} of ${synced.length} differ`;
  const told = different.map(({ object, outcome, differed }) => {
    const what = outcome.kind === "created" ? "absent" : (differences(differed) ?? "not applied by us yet");
    return `${nameOf(object.id)}: ${what}`;
  });
  return told.join("; ");
}
