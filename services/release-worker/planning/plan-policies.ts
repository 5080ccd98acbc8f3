import type { ContainerResult } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { editPolicies } from "#common/domain/manifest-policies.ts";
import { shortName, type DeclaredFact } from "#common/domain/plan.ts";
import { expandOrder, policyHeadline, type PolicyOrder } from "#common/domain/policy-orders.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import type { JobSpec, RecordedChange } from "#common/store/schema.ts";
import { hashOf } from "./plan-hash.ts";
import type { JobPlan } from "./job-plan.ts";
import { isPolicyChange, policyField, policyResult, policyTargets, policyUpdates } from "./policy-words.ts";
import { manifestOptions } from "./tip-files.ts";
import type { TipView } from "./tip-view.ts";

type PolicySpec = Extract<JobSpec, { kind: "policy" }>;

/**
 * Writes what is ordered into the annotations of each workload, all in one plan. It needs git alone,
 * so that a lock can be set while the cluster is away. What cannot be done for one workload stops no other; an
 * order that cannot be meant (POLICY_INVALID) stops all of them.
 */
export async function planPolicies(view: TipView, spec: PolicySpec): Promise<JobPlan> {
  const planning: Planning = { view, spec, texts: new Map(), changes: [], skips: [] };
  const declared = view.declared();
  for (const order of spec.orders) await planOrder(planning, declared, order);
  const { texts, changes, skips } = planning;
  const policies = changes.filter(isPolicyChange);
  return {
    headline: policyHeadline(spec.orders),
    texts,
    changes,
    targets: policyTargets(view, policies),
    results: [...policies.map(policyResult), ...skips],
    resolved: [],
    updates: policyUpdates(policies),
    skipLines: skips.map(skipLine),
    hash: hashOf(changes),
  };
}

interface Planning {
  readonly view: TipView;
  readonly spec: PolicySpec;
  readonly texts: Map<string, string>;
  readonly changes: RecordedChange[];
  readonly skips: ContainerResult[];
}

async function planOrder(
  planning: Planning,
  declared: readonly DeclaredFact[],
  order: PolicyOrder,
): Promise<void> {
  const found = findOrdered(declared, order.workload);
  const [fact] = found;
  if (fact === undefined) return leave(planning, order.workload, { reason: "not-declared" });
  const workload = formatWorkloadId(fact.id);
  if (found.length > 1) {
    const detail = found.map(({ path }) => path).join(" and ");
    return leave(planning, workload, { reason: "declared-twice", detail });
  }
  const expanded = expandOrder(order.set, fact, planning.spec);
  if (!expanded.ok) {
    throw new SlipwayError("POLICY_INVALID", { detail: `${shortName(workload)}: ${expanded.fault}` });
  }
  await edit(planning, { workload, path: fact.path, changes: expanded.changes });
}

function findOrdered(declared: readonly DeclaredFact[], text: string): readonly DeclaredFact[] {
  const asked = parseWorkloadId(text);
  const found = declared.filter((fact) => matchesWorkload(fact.id, asked));
  const ids = [...new Set(found.map((fact) => formatWorkloadId(fact.id)))];
  if (ids.length < 2) return found;
  throw new SlipwayError("WORKLOAD_AMBIGUOUS", {
    detail: `"${text}" may be ${ids.join(" or ")}`,
    facts: { candidates: ids },
  });
}

async function edit(
  planning: Planning,
  order: { readonly workload: string; readonly path: string; readonly changes: PolicyOrder["set"] },
): Promise<void> {
  const { view, spec, texts, changes } = planning;
  const { workload, path } = order;
  const place = view.placeOf(order);
  if (place === undefined || place.shared.length > 0) {
    const detail =
      place === undefined
        ? "its document stands outside the environment's paths"
        : `${place.shared.map(shortName).join(", ")} is made of the same document`;
    return leave(planning, workload, { reason: "not-editable", detail, file: path });
  }
  const text = texts.get(path) ?? (await view.readText(path));
  view.noteParse(path);
  const options = { ...manifestOptions(view.environment, path), prefix: spec.prefix ?? undefined };
  const result = editPolicies(text, place.id, { changes: order.changes, ...options });
  if (!result.ok) {
    return leave(planning, workload, {
      reason: "not-editable",
      detail: `${result.reason}: ${result.detail}`,
      file: path,
    });
  }
  if (result.changes.length === 0) return leave(planning, workload, { reason: "up-to-date", file: path });
  texts.set(path, result.text);
  const own = formatWorkloadId(place.id);
  for (const { annotation, from, to } of result.changes) {
    const declaredAs = own === workload ? {} : { declaredAs: own };
    const values = { from: from ?? "", to: to ?? "", annotation: { from, to } };
    changes.push({ workload, container: "", field: policyField(annotation), ...values, ...declaredAs, path });
  }
}

function leave(
  { skips }: Planning,
  workload: string,
  why: { readonly reason: string; readonly detail?: string; readonly file?: string },
): void {
  const { reason, detail = null, file = null } = why;
  skips.push({ workload, container: "", from: "", to: null, result: "skip", reason, detail, file });
}

function skipLine({ workload, reason, detail }: ContainerResult): string {
  const name = shortName(workload);
  if (reason === "up-to-date") return `Service ${name} has these policies already; skipping.`;
  if (reason === "not-declared") return `no resource definition file found for ${name}; skipping`;
  if (reason === "declared-twice")
    return `multiple resource definition files found for ${name}: ${detail ?? ""}`;
  return `Service ${name} cannot be edited safely (${detail ?? ""}); skipping.`;
}
