import type { Plan } from "#common/contracts/http.ts";

import { shortWorkload } from "../print/names.ts";
import { diffLines, planLines } from "../print/results.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { Session } from "../session.ts";

/** A dry run: what would change, and the diff. */
export function showPlan(session: Session, plan: Plan): ExitCode {
  const changed = plan.results.filter((result) => result.result !== "skip");
  show(session, {
    data: plan,
    names: [...new Set(changed.map((result) => shortWorkload(result.workload)))],
    lines: (style) => {
      const diff = diffLines(plan.diffs, session.outPaint);
      return [...planLines(plan, style), ...(diff.length > 0 ? ["", ...diff] : [])];
    },
  });
  return exitCodes.ok;
}
