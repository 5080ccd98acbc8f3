import { judgeOverride, overrideTable } from "#common/contracts/overrides.ts";
import type { Override, Situation } from "#common/contracts/overrides.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { Principal } from "../auth.ts";

/** Refuses a right that this role may not use, or that is not meant for such a request. */
export function refuseOverrides(
  principal: Pick<Principal, "name" | "role">,
  situation: Situation,
  rights: readonly Override[],
): void {
  for (const right of rights) {
    const answer = judgeOverride({ right, role: principal.role, situation });
    if (answer === "wrong-role") {
      throw new SlipwayError("OVERRIDE_FORBIDDEN", {
        detail: `"${right}" needs the role ${overrideTable[right].role}; "${principal.name}" is ${principal.role}`,
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
