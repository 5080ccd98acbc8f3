import { roles } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { missingApprovals, peopleGates, ruleKey } from "#common/domain/gates.ts";
import type { ApprovalRule } from "#common/domain/gates.ts";
import { instantText } from "#common/domain/instant-text.ts";
import { isTerminal } from "#common/domain/job.ts";
import { isAbout } from "#common/domain/windows.ts";
import type { JobRow } from "#common/store/schema.ts";
import { touchedBy } from "#common/store/touched.ts";

import { hasRoleFor } from "../access/allowed.ts";
import type { Part } from "../access/allowed.ts";
import { rolesText } from "../access/principal.ts";
import type { Principal } from "../access/principal.ts";

/** Who gives a word on a job. */
export type Approver = Pick<Principal, "name" | "kind" | "grants" | "groups">;

export interface GivenWord {
  /** As it stands under its row lock. */
  readonly job: JobRow;
  /** What the job touches. */
  readonly part: Part;
  readonly approver: Approver;
  readonly verdict: "approved" | "rejected";
  /** The hash of the plan that the approver looked at. */
  readonly plan: string | undefined;
  readonly rules: readonly ApprovalRule[];
  /** Postgres' clock. */
  readonly now: Date;
}

export type ApprovalJudgement =
  | { readonly ok: true; readonly satisfies: readonly string[] }
  | { readonly ok: false; readonly error: SlipwayError };

/** Whether this word counts: each way in which it does not has a code of its own. */
export function judgeApproval(word: GivenWord): ApprovalJudgement {
  const error = refusalOfState(word) ?? refusalOfPerson(word) ?? refusalOfPlan(word) ?? refusalOfTime(word);
  if (error !== undefined) return { ok: false, error };
  return { ok: true, satisfies: [...new Set(spokenFor(word).map(ruleKey))] };
}

/** Whether somebody may speak for a rule; a role counts where it reaches all that is touched. */
export function speaksFor(approver: Approver, rule: ApprovalRule, part: Part): boolean {
  const { name, kind, groups } = approver;
  if (rule.group !== undefined) return groups.includes(rule.group);
  // Names of identities are what their provider says: they must not speak for tokens of that name.
  if (rule.tokens !== undefined) return kind === "token" && rule.tokens.includes(name);
  const needed = roles.find((candidate) => candidate === rule.role);
  return needed !== undefined && hasRoleFor(approver, needed, part);
}

function refusalOfState({ job, approver, verdict }: GivenWord): SlipwayError | undefined {
  const mine = job.approvals.find((one) => one.by === approver.name && one.planHash === job.plan_hash);
  if (verdict === "approved" && mine?.verdict === "approved") return new SlipwayError("APPROVAL_GIVEN");
  if (job.outcome === "not-approved") {
    return new SlipwayError("APPROVAL_EXPIRED", { hint: "release it again to ask once more" });
  }
  const gate = job.phase === "waiting" ? job.gate : null;
  // Whoever sees a mistake after consent was given may still stop what waits for its window.
  const isAsked = verdict === "approved" ? gate === "approval" : peopleGates.some((one) => one === gate);
  if (isAsked) return undefined;
  return new SlipwayError("APPROVAL_NOT_ASKED", {
    detail: isTerminal(job.phase)
      ? `it has ended: ${job.outcome ?? job.phase}`
      : gate === null
        ? `it is ${job.phase}`
        : `it waits for ${job.waiting_for ?? gate}`,
  });
}

function refusalOfPerson(word: GivenWord): SlipwayError | undefined {
  const { job, approver } = word;
  if (approver.name === job.requested_by) {
    return new SlipwayError("APPROVAL_OWN", {
      detail: `"${approver.name}" asked for it`,
      ...(word.verdict === "rejected" && { hint: `slipway cancel ${job.id.slice(-8)}` }),
    });
  }
  if (spokenFor(word).length > 0) return undefined;
  const asked = [...new Set(askedRules(word).map(ruleKey))];
  return new SlipwayError("APPROVAL_FORBIDDEN", {
    detail:
      asked.length === 0
        ? "no rule of the settings asks for an approval of it any more"
        : `it needs ${asked.join(" and ")}; "${approver.name}" is ${rolesText(approver)}`,
    facts: { asked },
  });
}

function refusalOfPlan({ job, plan }: GivenWord): SlipwayError | undefined {
  if (plan === undefined || plan === job.plan_hash) return undefined;
  return new SlipwayError("APPROVAL_PLAN_CHANGED", { hint: `look again: slipway job ${job.id.slice(-8)}` });
}

function refusalOfTime({ job, now }: GivenWord): SlipwayError | undefined {
  if (job.gate !== "approval" || job.gate_until === null || job.gate_until > now) return undefined;
  return new SlipwayError("APPROVAL_EXPIRED", {
    detail: `it was asked for until ${instantText(job.gate_until)}`,
    hint: "release it again to ask once more",
  });
}

function spokenFor(word: GivenWord): readonly ApprovalRule[] {
  return askedRules(word).filter((rule) => speaksFor(word.approver, rule, word.part));
}

/** An approval is for what is missing, a rejection for whatever rule concerns the job. */
function askedRules({ job, rules, verdict }: GivenWord): readonly ApprovalRule[] {
  const namespaces = touchedBy(job);
  if (verdict === "rejected") return rules.filter((rule) => isAbout(rule, namespaces));
  const rest = { approvals: job.approvals, planHash: job.plan_hash };
  return missingApprovals({ namespaces, rules: { windows: [], approvals: rules }, ...rest });
}
