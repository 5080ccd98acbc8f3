import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { LeftAlone } from "#common/domain/sync-words.ts";
import { isForeign, ownerOfMeta, type OwnerName } from "#common/domain/owner.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import {
  conflictsOf,
  foreignConflict,
  isAboutChange,
  mayTakeFrom,
  messageOf,
  refusalOf,
  takeoverPatch,
  type ChangedField,
} from "./apply-answers.ts";
import {
  appliedAnnotations,
  appliedBy,
  fieldManager,
  type AppliedBy,
  type CommittedDocument,
  type LiveObject,
} from "./live-object.ts";
import { nothingToSend } from "./nothing-to-send.ts";

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
  /** What a release or rollback changed of this workload: such fields are taken from whoever owns them. */
  readonly changes?: readonly ChangedField[];
  /** Given by a sync alone. */
  readonly sync?: SyncRules;
}

/** What a sync does that a release must not: create what is absent, write git's replicas, leave equal objects alone. */
export interface SyncRules {
  /** Why the object is to be left alone, or the replicas to write (undefined: the live ones). */
  decide(live: LiveObject): Promise<{ readonly left: LeftAlone } | { readonly replicas: number | undefined }>;
  /** The kind cannot be changed in place: what exists and differs is left alone. */
  readonly isFixed: boolean;
  /** Told of the object as it was before it is written, and of what is sent. */
  before(live: LiveObject, sent: CommittedDocument): void;
}

export type ApplyOutcome =
  | { readonly kind: "applied"; readonly uid: string; readonly generation: number }
  | { readonly kind: "created"; readonly uid: string; readonly generation: number }
  | { readonly kind: "left"; readonly left: LeftAlone }
  | { readonly kind: "newer"; readonly uid: string; readonly generation: number; readonly by: AppliedBy }
  | { readonly kind: "absent" }
  | { readonly kind: "handed-off"; readonly owner: OwnerName }
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
    if (live === undefined && ask.sync === undefined) return { kind: "absent" };
    const outcome = live === undefined ? await create(ask, path) : await applyOver(ask, { path, live });
    if (outcome !== "again") return outcome;
  }
  const detail = `${path}: other writers changed it ${maxTries} times while it was applied`;
  return { kind: "refused", error: new SlipwayError("APPLY_CONFLICT", { detail }) };
}

async function applyOver(ask: ApplyAsk, found: Target): Promise<ApplyOutcome | "again"> {
  const { path, live } = found;
  const owner = ownerOfMeta(live.metadata);
  if (ask.sync === undefined && isForeign(owner)) return { kind: "handed-off", owner };
  const verdict = await compare(ask, live);
  if (verdict !== undefined) return verdict;
  const prepared = ask.sync === undefined ? found : await prepareSync(ask, ask.sync, found);
  if ("kind" in prepared) return prepared;
  if (await tookOver(ask.kube, { path, live })) return "again";
  ask.sync?.before(live, toSend(ask.document, prepared));
  return tryApply(ask, prepared);
}

async function prepareSync(ask: ApplyAsk, rules: SyncRules, found: Target): Promise<Target | ApplyOutcome> {
  const decided = await rules.decide(found.live);
  if ("left" in decided) return { kind: "left", left: decided.left };
  const target = { ...found, replicas: decided.replicas };
  if (await isInSync(ask, target)) return { kind: "left", left: { reason: "in-sync" } };
  if (rules.isFixed)
    return { kind: "left", left: { reason: "immutable-kind", detail: "it differs from git" } };
  return target;
}

/** An apply that carries the annotations of the last one, and that the API server would not see. */
async function isInSync(ask: ApplyAsk, target: Target): Promise<boolean> {
  const by = appliedBy(target.live);
  if (by === undefined) return false;
  const document = toSend(ask.document, target);
  const dryRun = () => sendApply({ ...ask, by }, target, { force: false, dryRun: true });
  return nothingToSend({ document, live: target.live, dryRun });
}

/** Create-only: version 1 is no object's, so that one made meanwhile is a conflict. */
async function create(ask: ApplyAsk, path: string): Promise<ApplyOutcome | "again"> {
  const answer = await send(ask, path, {
    force: false,
    body: bodyOf(ask, ask.document, { resourceVersion: "1" }),
  });
  if (answer.status === 201) return { ...appliedFrom(answer.body as LiveObject), kind: "created" };
  return answer.status === 409 ? "again" : refused(answer, path);
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
  const claimed = claimedByOther(live, ask.by.environment);
  if (claimed !== undefined) return { kind: "refused", error: claimed };
  if (there.commit === ask.by.commit && there.job === ask.by.job)
    return { kind: "applied", ...placeOf(live) };
  if (there.commit !== ask.by.commit && (await ask.isAncestor(ask.by.commit, there.commit))) {
    return { kind: "newer", ...placeOf(live), by: there };
  }
  return undefined;
}

function placeOf({ metadata }: LiveObject): { readonly uid: string; readonly generation: number } {
  return { uid: metadata.uid, generation: metadata.generation ?? 0 };
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
  /** To be written instead of the live ones. */
  readonly replicas?: number | undefined;
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
    const mayScale = ask.sync !== undefined;
    const foreign = conflicts.filter(
      (conflict) =>
        !mayTakeFrom(conflict) &&
        !isAboutChange(conflict, ask.changes ?? []) &&
        !(mayScale && conflict.field === ".spec.replicas"),
    );
    if (foreign.length > 0) return { kind: "refused", error: foreignConflict(target.path, foreign) };
    const forced = await sendApply(ask, target, { force: true });
    if (forced.status === 200) return appliedFrom(forced.body as LiveObject);
    return forced.status === 409 ? "again" : refused(forced, target.path);
  }
  // 409 without causes: somebody wrote in between. 422 on the uid: deleted or made anew. A GET decides.
  if (answer.status === 409 || (answer.status === 422 && /uid/i.test(messageOf(answer)))) return "again";
  return refused(answer, target.path);
}

function appliedFrom(object: LiveObject): ApplyOutcome & { readonly kind: "applied" } {
  return { kind: "applied", ...placeOf(object) };
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
  target: Target,
  how: { readonly force: boolean; readonly dryRun?: boolean },
) {
  const { uid, resourceVersion } = target.live.metadata;
  const guard = how.dryRun === true ? { uid } : { uid, resourceVersion };
  const document = toSend(ask.document, target);
  return send(ask, target.path, { ...how, body: bodyOf(ask, document, guard) });
}

function toSend(document: CommittedDocument, { live, replicas }: Target): CommittedDocument {
  return withReplicas(document, replicas ?? live.spec?.replicas);
}

/** The document with these replicas, where it can have any. */
export function withReplicas(document: CommittedDocument, replicas: number | undefined): CommittedDocument {
  if (replicas === undefined || document.spec === undefined) return document;
  return { ...document, spec: { ...document.spec, replicas } };
}

function bodyOf(
  { by, environment }: Pick<ApplyAsk, "environment" | "by">,
  document: CommittedDocument,
  guard: { readonly uid?: string; readonly resourceVersion?: string },
): unknown {
  const { metadata } = document;
  const namespace = metadata.namespace ?? environment.defaultNamespace;
  const annotations = { ...metadata.annotations, ...appliedAnnotations(by) };
  return { ...document, metadata: { ...metadata, namespace, ...guard, annotations } };
}

async function send(
  { kube }: Pick<ApplyAsk, "kube">,
  path: string,
  how: { readonly force: boolean; readonly dryRun?: boolean; readonly body: unknown },
) {
  return kube.request({
    method: "PATCH",
    path,
    query: {
      fieldManager,
      force: String(how.force),
      fieldValidation: "Strict",
      ...(how.dryRun === true ? { dryRun: "All" } : {}),
    },
    body: how.body,
    contentType: "application/apply-patch+yaml",
  });
}
