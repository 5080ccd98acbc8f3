import { judgeOverride, overrides, overrideTable } from "#common/contracts/overrides.ts";
import type { Situation } from "#common/contracts/overrides.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { JobSpec } from "#common/store/schema.ts";

import { hasRoleFor } from "../access/allowed.ts";
import type { Part } from "../access/allowed.ts";
import { rolesText } from "../access/principal.ts";
import type { Principal } from "../access/principal.ts";

/** Refuses a right that is not meant for such a request, or whose role the principal has not for all of it. */
export function refuseOverrides(
  principal: Pick<Principal, "name" | "grants">,
  spec: JobSpec,
  part: Part,
): void {
  const situation = situationOf(spec);
  if (situation === undefined) return;
  const has = (role: Parameters<typeof hasRoleFor>[1]): boolean => hasRoleFor(principal, role, part);
  for (const right of overrides.filter((one) => spec.override.includes(one))) {
    const answer = judgeOverride({ right, has, situation });
    if (answer === "wrong-role") {
      const { role } = overrideTable[right];
      throw new SlipwayError("OVERRIDE_FORBIDDEN", {
        detail: `"${right}" needs the role ${role} for all that is asked for; "${principal.name}" is ${rolesText(principal)}`,
      });
    }
    if (answer === "wrong-situation") {
      const hint = situation === "release --all" ? "name the workloads one by one" : undefined;
      throw new SlipwayError("OVERRIDE_MEANINGLESS", {
        detail: `"${right}" for a ${situation}`,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
}

/** Policies pass nothing: undefined. */
function situationOf(spec: JobSpec): Situation | undefined {
  if (spec.kind === "policy") return undefined;
  return spec.kind === "release" && spec.all ? "release --all" : spec.kind;
}
