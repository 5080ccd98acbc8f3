import type { ContainerResult } from "#common/contracts/http.ts";
import type { ResolvedChoice } from "#common/domain/plan-choice.ts";
import type { RecordedChange, RolloutTarget } from "#common/store/schema.ts";

/** What a job would do to a tip: the edited texts, each change with its bytes, and what was left alone. */
export interface JobPlan {
  readonly headline: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly changes: readonly RecordedChange[];
  readonly targets: readonly RolloutTarget[];
  readonly results: readonly ContainerResult[];
  readonly resolved: readonly ResolvedChoice[];
  readonly updates: readonly WorkloadUpdate[];
  readonly skipLines: readonly string[];
  readonly hash: string;
}

/** The seed's line for a workload, and what it did to which file ("deploy/a.yaml +2 -2 (image, version label)"). */
export interface WorkloadUpdate {
  readonly text: string;
  readonly detail: string;
}
