import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { DeclaredWorkload } from "#common/domain/manifest.ts";
import { valuesKind } from "#common/domain/manifest-shapes.ts";
import { kindLayout } from "#common/domain/workload.ts";

/** Whether the cluster shows a rollout of it: of the built-in kinds, also when a chart makes them. */
export function isRolledOut(declared: Pick<DeclaredWorkload, "id">): boolean {
  return kindLayout(declared.id.kind) !== undefined;
}

/** Why an environment of this mode must leave a workload alone: what we cannot apply exactly is not applied. */
export function refusalInMode(
  workload: { readonly declared: DeclaredWorkload; readonly unrendered?: string },
  mode: EnvironmentSettings["mode"],
): string | undefined {
  if (mode !== "apply") return undefined;
  const { declared, unrendered } = workload;
  if (unrendered !== undefined)
    return `not-appliable: Slipway does not follow ${unrendered}; use mode hand-off`;
  if (declared.kind === valuesKind) return "not-appliable: a chart makes it; use mode hand-off";
  return isRolledOut(declared)
    ? undefined
    : `not-appliable: Slipway does not apply a ${declared.kind}; use mode hand-off`;
}
