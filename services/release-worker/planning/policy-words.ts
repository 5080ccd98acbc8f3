import type { ContainerResult } from "#common/contracts/http.ts";
import { shortName } from "#common/domain/plan.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { RecordedChange, RolloutTarget } from "#common/store/schema.ts";
import type { WorkloadUpdate } from "./job-plan.ts";
import { isRolledOut } from "./rolled-out.ts";
import type { TipView } from "./tip-view.ts";

/** A recorded change of an annotation. */
export type PolicyChangeRecord = RecordedChange & {
  readonly annotation: NonNullable<RecordedChange["annotation"]>;
};

const fieldHead = "annotation/";

/** How a change of an annotation is named in a job's record. */
export function policyField(annotation: string): string {
  return `${fieldHead}${annotation}`;
}

/** The whole name of the annotation that a change is about. */
export function annotationOf({ field }: Pick<RecordedChange, "field">): string {
  return field.slice(fieldHead.length);
}

export function isPolicyChange(change: RecordedChange): change is PolicyChangeRecord {
  return change.annotation !== undefined;
}

/** One changed annotation among a job's results; `to` is null where it was taken away. */
export function policyResult(change: PolicyChangeRecord): ContainerResult {
  return {
    workload: change.workload,
    container: "",
    policy: annotationOf(change),
    from: change.annotation.from ?? "",
    to: change.annotation.to,
    result: "change",
    reason: null,
    detail: null,
    file: change.path,
  };
}

/** An annotation that is not brought back, since somebody changed it. */
export function policyChangedSince(change: PolicyChangeRecord): ContainerResult {
  return {
    ...policyResult(change),
    from: change.annotation.to ?? "",
    to: null,
    result: "skip",
    reason: "changed-since",
  };
}

/** The log's line for it. */
export function policySkipLine(change: PolicyChangeRecord): string {
  return `Service ${shortName(change.workload)} policy ${annotationOf(change)} was changed since; skipping.`;
}

/** In `apply` mode annotations are brought to the live objects too: nothing of it is judged. */
export function policyTargets(
  view: TipView,
  changes: readonly PolicyChangeRecord[],
): readonly RolloutTarget[] {
  if (view.environment.mode !== "apply") return [];
  const groups = Map.groupBy(changes, (change) => change.workload);
  return [...groups].flatMap(([workload, [first]]) => {
    const { namespace, kind = "", name } = parseWorkloadId(workload);
    if (first === undefined || !isRolledOut({ id: { namespace, kind, name } })) return [];
    const fixed = { images: {}, applied: false, uid: null, generation: null, verdict: "pending" } as const;
    return [{ workload, path: first.path, ...fixed, reason: null, spentMs: 0, policiesOnly: true }];
  });
}

/** The log's line for each workload, in the voice of the seed's. */
export function policyUpdates(changes: readonly PolicyChangeRecord[]): readonly WorkloadUpdate[] {
  return [...Map.groupBy(changes, (change) => change.workload)].map(([workload, group]) => {
    const told = group.map(
      (change) =>
        `${annotationOf(change)} (${change.annotation.from ?? "none"} -> ${change.annotation.to ?? "none"})`,
    );
    const files = [...new Set(group.map((change) => `${change.path} (annotations)`))];
    const what = group.length === 1 ? "1 policy" : `${group.length} policies`;
    return {
      text: `Update ${what} in the resource definition file for ${shortName(workload)}: ${told.join(", ")}.`,
      detail: files.join(", "),
    };
  });
}
