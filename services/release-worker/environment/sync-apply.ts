import { isForeign, describeOwner, ownerOfMeta } from "#common/domain/owner.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { LeftAlone } from "#common/domain/sync-words.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import type { JobRow } from "#common/store/schema.ts";
import { applyDocument, withReplicas, type ApplyOutcome, type SyncRules } from "./apply-document.ts";
import { createDescent } from "./descent.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { appliedBy, imagesOf, type CommittedDocument } from "./live-object.ts";
import { differences } from "./same-object.ts";
import { listLive, type LiveObjects } from "./sync-live.ts";
import type { SyncObject } from "./sync-objects.ts";
import { createReplicasRule, type ReplicasRule } from "./sync-replicas.ts";
import { isIgnored } from "./sync-targets.ts";

/** Objects asked about and applied at once. */
const concurrency = 10;
const conflictPauseMs = 50;
/** What cannot be changed once it exists. */
const fixedKinds = ["Job", "Pod"];

/** What became of one object. */
export interface SyncedObject {
  readonly object: SyncObject;
  readonly outcome: ApplyOutcome;
  /** Container → image as it ran before; undefined where there was nothing. */
  readonly before: Readonly<Record<string, string>> | undefined;
  /** Where the cluster differed from git, as far as that can be told. */
  readonly differed: readonly string[];
}

/**
 * Brings every object to what git declares, in an order in which nothing waits for what comes later:
 * what workloads refer to first. What is equal already costs a share of one list, and nothing is
 * sent. "vanished": people removed the commit from the branch.
 */
export async function syncObjects(
  context: SyncContext,
  job: Pick<JobRow, "id" | "environment" | "commit_sha">,
  objects: readonly SyncObject[],
): Promise<readonly SyncedObject[] | "vanished"> {
  const { deps, environment } = context;
  const kube = await deps.kubeOf(environment);
  const commit = job.commit_sha ?? "";
  const documents = objects.flatMap(({ what }) => (what.kind === "apply" ? [what.document] : []));
  const parts: SyncParts = {
    context,
    job,
    kube,
    descent: createDescent(context, commit, { onBranchOnly: true }),
    live: await listLive(kube, await inNamespaces(kube, documents), environment.defaultNamespace),
    replicas: createReplicasRule(kube, environment.defaultNamespace),
  };
  const synced: SyncedObject[] = [];
  for (const group of inRanks(objects)) {
    for (let index = 0; index < group.length; index += concurrency) {
      const some = group.slice(index, index + concurrency);
      synced.push(...(await together(some.map((object) => syncOne(parts, object)))));
      if (parts.descent.vanished()) return "vanished";
    }
  }
  return synced;
}

/** The part of a turn that syncing needs. */
export interface SyncContext extends Pick<EnvironmentContext, "environment"> {
  readonly deps: Pick<EnvironmentContext["deps"], "clock" | "fault" | "gitOf" | "kubeOf">;
}

interface SyncParts {
  readonly context: SyncContext;
  readonly job: Pick<JobRow, "id" | "environment" | "commit_sha">;
  readonly kube: KubeApi;
  readonly descent: ReturnType<typeof createDescent>;
  readonly live: LiveObjects;
  readonly replicas: ReplicasRule;
}

/** All of them come to their end before the first error is thrown: none goes on behind our back. */
async function together<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const ends = await Promise.allSettled(work);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
}

/** First what workloads refer to, then workloads: each in order of kind, namespace and name. */
function inRanks(objects: readonly SyncObject[]): readonly (readonly SyncObject[])[] {
  const isWorkload = ({ images }: SyncObject): boolean => Object.keys(images).length > 0;
  const key = ({ id }: SyncObject): string => id.replace(/^([^:]*):([^/]*)/, "$2 $1");
  const sorted = objects.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  return [sorted.filter((one) => !isWorkload(one)), sorted.filter(isWorkload)];
}

/** Kinds that the cluster does not serve, or serves without namespaces, are told one by one. */
async function inNamespaces(
  kube: KubeApi,
  documents: readonly CommittedDocument[],
): Promise<CommittedDocument[]> {
  const known = await kube.discover();
  return documents.filter(({ apiVersion, kind }) => known.find(apiVersion, kind)?.namespaced === true);
}

async function syncOne(parts: SyncParts, object: SyncObject): Promise<SyncedObject> {
  const { what } = object;
  const none = { object, before: undefined, differed: [] };
  if (what.kind === "left") return { ...none, outcome: what };
  if (what.kind === "broken") return { ...none, outcome: { kind: "refused", error: what.error } };
  parts.context.deps.fault("before-apply");
  const seen: { before?: Readonly<Record<string, string>>; differed: readonly string[] } = { differed: [] };
  const rules = rulesOf(parts, what.document, (live, sent) => {
    seen.before = imagesOf(live, what.document.kind);
    seen.differed = differences(sent, live) ?? [];
  });
  const outcome = await settle(parts, what.document, rules);
  parts.context.deps.fault("after-apply");
  return { object, outcome, before: seen.before, differed: seen.differed };
}

async function settle(
  parts: SyncParts,
  document: CommittedDocument,
  rules: SyncRules,
): Promise<ApplyOutcome> {
  const { context, job, kube, descent } = parts;
  const { deps, environment } = context;
  try {
    const resource = (await kube.discover()).find(document.apiVersion, document.kind);
    if (resource?.namespaced === false) return { kind: "left", left: { reason: "cluster-wide" } };
    const left = await leftAsListed(parts, document, rules);
    if (left !== undefined) return { kind: "left", left };
    const by = { environment: environment.name, commit: job.commit_sha ?? "", job: job.id };
    return await applyDocument({
      kube,
      environment,
      document,
      by,
      sync: rules,
      isAncestor: (older, newer) => descent.isAncestor(older, newer),
      pause: (attempt) => deps.clock.sleep(conflictPauseMs * attempt * (0.5 + Math.random())),
    });
  } catch (error) {
    if (error instanceof SlipwayError && error.next === "stop" && !error.code.startsWith("GIT_"))
      return { kind: "refused", error };
    throw error;
  }
}

/** What the list already tells to be left alone; what this very job applied is not in sync by itself. */
async function leftAsListed(
  { live, job }: SyncParts,
  document: CommittedDocument,
  rules: SyncRules,
): Promise<LeftAlone | undefined> {
  const listed = live.listed(document);
  const by = listed === undefined ? undefined : appliedBy(listed);
  if (listed === undefined || by === undefined || by.job === job.id || by.environment !== job.environment)
    return undefined;
  const decided = await rules.decide(listed);
  if ("left" in decided) return decided.left;
  const wanted = withReplicas(document, decided.replicas ?? listed.spec?.replicas);
  return differences(wanted, listed)?.length === 0 ? { reason: "in-sync" } : undefined;
}

function rulesOf(
  { replicas }: SyncParts,
  document: CommittedDocument,
  before: SyncRules["before"],
): SyncRules {
  return {
    before,
    isFixed: fixedKinds.includes(document.kind),
    async decide(live) {
      const owner = ownerOfMeta(live.metadata);
      if (isForeign(owner)) return { left: { reason: "handed-off", detail: describeOwner(owner) } };
      if (isIgnored(live.metadata.annotations)) return { left: { reason: "ignored" } };
      return { replicas: await replicas.replicasFor(document, live) };
    },
  };
}
