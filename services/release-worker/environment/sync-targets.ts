import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import type { DeclaredFact } from "#common/domain/plan.ts";
import { policyPrefixes } from "#common/domain/policy.ts";
import type { LeftAlone } from "#common/domain/sync-words.ts";
import {
  formatWorkloadId,
  matchesWorkload,
  parseWorkloadId,
  type WorkloadId,
} from "#common/domain/workload.ts";
import type { JobSpec } from "#common/store/schema.ts";
import type { TipView } from "../planning/tip-view.ts";
import { readDocument } from "./dry-run.ts";
import { imagesOf } from "./live-object.ts";
import { otherObjects, type SyncObject } from "./sync-objects.ts";

export type SyncSpec = Extract<JobSpec, { kind: "sync" }>;

/**
 * What a sync is about, at the commit of the view: workloads, and where no kustomization says
 * otherwise the other objects that stand beside them. In order of id.
 */
export async function chooseObjects(
  view: TipView,
  spec: SyncSpec,
  how: { readonly mustBeDeclared: boolean },
): Promise<SyncObject[]> {
  const isAsked = wantedBy(spec);
  const { namespaces } = view.environment;
  const wanted = (id: WorkloadId) => isNamespaceSeen(namespaces, id.namespace) && isAsked(id);
  const groups = Map.groupBy(view.declared(), (fact) => formatWorkloadId(fact.id));
  const chosen = [...groups].filter(([, [first]]) => first !== undefined && wanted(first.id));
  await view.prefetch(chosen.flatMap(([, facts]) => facts.map((fact) => fact.path)));
  const workloads: SyncObject[] = [];
  for (const [id, facts] of chosen) workloads.push(await workloadOf(view, id, facts));
  const known = new Set(groups.keys());
  const others = (await otherObjects(view, { wanted, known })).map(withIgnored);
  const all = [...workloads, ...others];
  return [...all, ...missing(spec, all).map((id) => absent(id, how.mustBeDeclared))].toSorted((a, b) =>
    a.id < b.id ? -1 : 1,
  );
}

function wantedBy(spec: SyncSpec): (id: WorkloadId) => boolean {
  if (spec.all) return () => true;
  if (spec.namespace !== null) return (id) => id.namespace === spec.namespace;
  const ids = new Set(spec.workloads);
  const short = spec.workloads
    .map((text) => parseWorkloadId(text))
    .filter((asked) => asked.kind === undefined);
  return (id) => ids.has(formatWorkloadId(id)) || short.some((asked) => matchesWorkload(id, asked));
}

async function workloadOf(view: TipView, id: string, facts: readonly DeclaredFact[]): Promise<SyncObject> {
  const [fact] = facts;
  const path = fact?.path ?? "";
  const containers = fact?.containers ?? [];
  const images = Object.fromEntries(containers.map(({ name, image }) => [name, image]));
  const left = (reason: LeftAlone["reason"], detail?: string): SyncObject => ({
    id,
    path,
    images,
    what: { kind: "left", left: { reason, ...(detail === undefined ? {} : { detail }) } },
  });
  if (facts.length > 1) return left("declared-twice", facts.map((one) => one.path).join(", "));
  const reasons = containers.map((container) => container.reason ?? "");
  if (reasons.includes("ENCRYPTED_DOCUMENT")) return left("encrypted");
  const refusal = reasons.find((reason) => reason.startsWith("not-appliable"));
  if (refusal !== undefined) return left("not-appliable", refusal.replace(/^not-appliable: /, ""));
  try {
    const document = await readDocument(view, { workload: id, path });
    return withIgnored({ id, path, images: imagesOf(document), what: { kind: "apply", document } });
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    if (error.next !== "stop" || error.code.startsWith("GIT_")) throw error;
    return { id, path, images, what: { kind: "broken", error } };
  }
}

function withIgnored(object: SyncObject): SyncObject {
  if (object.what.kind !== "apply" || !isIgnored(object.what.document.metadata.annotations)) return object;
  return { ...object, what: { kind: "left", left: { reason: "ignored" } } };
}

/** `ignore: "true"`, or in Flux' words `sync_only`; the strongest prefix counts. */
export function isIgnored(annotations: Readonly<Record<string, string>> = {}): boolean {
  const said = policyPrefixes.map((prefix) => annotations[`${prefix}/ignore`]);
  const word = said.find((value) => value !== undefined);
  return word === "true" || word === "sync_only";
}

/** Named one by one, and nowhere to be found. */
function missing(spec: SyncSpec, found: readonly SyncObject[]): readonly string[] {
  if (spec.all || spec.namespace !== null) return [];
  const ids = found.map(({ id }) => toId(id));
  return spec.workloads.filter((text) => !ids.some((id) => matchesWorkload(id, parseWorkloadId(text))));
}

/** What a person asked for must be there; what a push brought may be gone with the next one. */
function absent(id: string, isFault: boolean): SyncObject {
  const place = { id, path: "", images: {} };
  if (!isFault) return { ...place, what: { kind: "left", left: { reason: "not-declared" } } };
  const error = new SlipwayError("WORKLOAD_NOT_DECLARED", { detail: id });
  return { ...place, what: { kind: "broken", error } };
}

function toId(text: string): WorkloadId {
  const { namespace, kind = "", name } = parseWorkloadId(text);
  return { namespace, kind, name };
}
