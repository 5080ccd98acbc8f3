import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import {
  conflictsOf,
  foreignConflict,
  mayTakeFrom,
  messageOf,
  refusalOf,
  takeoverPatch,
} from "./apply-answers.ts";
import {
  appliedAnnotations,
  appliedBy,
  fieldManager,
  type AppliedBy,
  type CommittedDocument,
  type LiveObject,
} from "./live-object.ts";

/** Status writes move the resourceVersion during a rollout: reading and writing again is normal. */
const maxTries = 10;

type Asked = Pick<KubeApi, "request" | "objectPath">;

export interface ApplyAsk {
  readonly kube: Asked;
  readonly environment: EnvironmentSettings;
  readonly document: CommittedDocument;
  readonly by: AppliedBy;
  /** True when the first commit is an ancestor of the second: git descent orders applies. */
  isAncestor(older: string, newer: string): Promise<boolean>;
  readonly pause: (attempt: number) => Promise<void>;
}

export type ApplyOutcome =
  | { readonly kind: "applied"; readonly uid: string; readonly generation: number }
  | { readonly kind: "newer"; readonly uid: string; readonly generation: number; readonly by: AppliedBy }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly error: SlipwayError };

/**
 * Applies one document as committed, guarded by uid and resourceVersion of a fresh read
 * (CORRECTNESS 16 to 19). Throws CLUSTER_UNAVAILABLE while the API server cannot be asked.
 */
export async function applyDocument(ask: ApplyAsk): Promise<ApplyOutcome> {
  const path = await pathOf(ask);
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    if (attempt > 0) await ask.pause(attempt);
    const live = await readLive(ask.kube, path);
    if (live === undefined) return { kind: "absent" };
    const verdict = await compare(ask, live);
    if (verdict !== undefined) return verdict;
    if (await tookOver(ask.kube, { path, live })) continue;
    const outcome = await tryApply(ask, { path, live });
    if (outcome !== "again") return outcome;
  }
  const detail = `${path}: other writers changed it ${maxTries} times while it was applied`;
  return { kind: "refused", error: new SlipwayError("APPLY_CONFLICT", { detail }) };
}

/** The object as the API server has it now (a quorum read), or undefined when it does not exist. */
export async function readLive(kube: Asked, path: string): Promise<LiveObject | undefined> {
  const answer = await kube.request({ method: "GET", path });
  if (answer.status === 404) return undefined;
  if (answer.status === 200) return answer.body as LiveObject;
  throw refusalOf(answer, path);
}

export async function pathOf(ask: Pick<ApplyAsk, "kube" | "document" | "environment">): Promise<string> {
  const { apiVersion, kind, metadata } = ask.document;
  const namespace = metadata.namespace ?? ask.environment.defaultNamespace;
  return ask.kube.objectPath({ apiVersion, kind, namespace, name: metadata.name });
}

/** Same commit and job: done. A live commit that descends from ours: never overwritten by an older one. */
async function compare(ask: ApplyAsk, live: LiveObject): Promise<ApplyOutcome | undefined> {
  const there = appliedBy(live);
  if (there === undefined) return undefined;
  const uid = live.metadata.uid;
  const generation = live.metadata.generation ?? 0;
  const claimed = claimedByOther(live, ask.by.environment);
  if (claimed !== undefined) return { kind: "refused", error: claimed };
  if (there.commit === ask.by.commit && there.job === ask.by.job) return { kind: "applied", uid, generation };
  if (there.commit !== ask.by.commit && (await ask.isAncestor(ask.by.commit, there.commit))) {
    return { kind: "newer", uid, generation, by: there };
  }
  return undefined;
}

/** Two environments that declare one object would undo each other for ever. */
export function claimedByOther(live: LiveObject, environment: string): SlipwayError | undefined {
  const there = appliedBy(live);
  if (there === undefined || there.environment === environment) return undefined;
  const detail = `${live.metadata.name} is applied by environment "${there.environment}"`;
  return new SlipwayError("APPLY_CONFLICT", { detail });
}

interface Target {
  readonly path: string;
  readonly live: LiveObject;
}

/** First apply of an object made by kubectl or a dead tool: its fields become ours, or they stay for ever. */
async function tookOver(kube: Asked, { path, live }: Target): Promise<boolean> {
  const patch = takeoverPatch(live);
  if (patch === undefined) return false;
  const contentType = "application/json-patch+json";
  const answer = await kube.request({ method: "PATCH", path, body: patch, contentType });
  if (answer.status === 200 || answer.status === 409 || answer.status === 422) return true;
  throw refusalOf(answer, path);
}

async function tryApply(ask: ApplyAsk, target: Target): Promise<ApplyOutcome | "again"> {
  const answer = await sendApply(ask, target, { force: ask.environment.conflicts === "force" });
  if (answer.status === 200) return appliedFrom(answer.body as LiveObject);
  const conflicts = conflictsOf(answer);
  if (conflicts.length > 0) {
    const foreign = conflicts.filter((conflict) => !mayTakeFrom(conflict));
    if (foreign.length > 0) return { kind: "refused", error: foreignConflict(target.path, foreign) };
    const forced = await sendApply(ask, target, { force: true });
    if (forced.status === 200) return appliedFrom(forced.body as LiveObject);
    return forced.status === 409 ? "again" : refused(forced, target.path);
  }
  // 409 without causes: somebody wrote in between. 422 on the uid: deleted or made anew. A GET decides.
  if (answer.status === 409 || (answer.status === 422 && /uid/i.test(messageOf(answer)))) return "again";
  return refused(answer, target.path);
}

function appliedFrom(object: LiveObject): ApplyOutcome {
  return { kind: "applied", uid: object.metadata.uid, generation: object.metadata.generation ?? 0 };
}

function refused(answer: Awaited<ReturnType<KubeApi["request"]>>, path: string): ApplyOutcome {
  const error = refusalOf(answer, path);
  if (error.next === "retry") throw error;
  return { kind: "refused", error };
}

/**
 * The document as committed, with the live replicas (an autoscaler's 30 must not become git's 3).
 * A dry run names no resourceVersion: it writes nothing to guard, and a status write in between
 * must not hide the refusal it asks for.
 */
export async function sendApply(
  ask: Pick<ApplyAsk, "kube" | "document" | "environment" | "by">,
  { path, live }: Target,
  how: { readonly force: boolean; readonly dryRun?: boolean },
) {
  const { document, by } = ask;
  const replicas = live.spec?.replicas;
  const keepReplicas = replicas !== undefined && document.spec !== undefined;
  const body = {
    ...document,
    metadata: {
      ...document.metadata,
      namespace: document.metadata.namespace ?? ask.environment.defaultNamespace,
      uid: live.metadata.uid,
      ...(how.dryRun === true ? {} : { resourceVersion: live.metadata.resourceVersion }),
      annotations: { ...document.metadata.annotations, ...appliedAnnotations(by) },
    },
    ...(keepReplicas ? { spec: { ...document.spec, replicas } } : {}),
  };
  return ask.kube.request({
    method: "PATCH",
    path,
    query: {
      fieldManager,
      force: String(how.force),
      fieldValidation: "Strict",
      ...(how.dryRun === true ? { dryRun: "All" } : {}),
    },
    body,
    contentType: "application/apply-patch+yaml",
  });
}
