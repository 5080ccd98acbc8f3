import { instantText } from "./instant-text.ts";
import type { Gate, JobKind } from "./job.ts";
import { isAbout, windowState } from "./windows.ts";
import type { ReleaseWindow, TouchedNamespaces } from "./windows.ts";

/** The gates that people close, in the order in which a job waits for them. */
export const peopleGates = ["approval", "schedule", "freeze", "window"] as const satisfies readonly Gate[];
export type PeopleGate = (typeof peopleGates)[number];

/** Which jobs a gate is asked of. */
export const gateClasses = [
  "release",
  "manual rollback",
  /** It brings back what was undone, so it needs the consent that a release needs. */
  "rollback of a rollback",
  "automatic rollback",
  "sync",
  "restart",
  "policy",
] as const;
export type GateClass = (typeof gateClasses)[number];

/**
 * What each gate means for each kind of job. A remedy (rollback, restart) passes windows, not freezes;
 * a policy moves nothing by itself; an automatic rollback is stopped by nothing (CORRECTNESS 26).
 */
export const askedOf: Readonly<Record<GateClass, readonly PeopleGate[]>> = {
  release: ["approval", "schedule", "freeze", "window"],
  "manual rollback": ["freeze"],
  "rollback of a rollback": ["approval", "freeze"],
  "automatic rollback": [],
  sync: ["freeze", "window"],
  restart: ["freeze"],
  policy: [],
};

/** Who has to consent: one person, by role, by name of token, or by group. */
export interface ApprovalRule {
  readonly role?: string | undefined;
  readonly tokens?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly deadlineMs: number;
}

/** A person's word on one plan of a job. */
export interface GivenApproval {
  readonly by: string;
  readonly verdict: "approved" | "rejected";
  readonly planHash: string;
  /** Keys of the rules that this person could speak for. */
  readonly satisfies: readonly string[];
  readonly comment: string | null;
  readonly at: string;
}

/** Nothing is released in an environment, or a namespace of it, until it ends. */
export interface ActiveFreeze {
  readonly environment: string;
  readonly namespace: string | null;
  readonly reason: string;
  readonly by: string;
  readonly until: Date | null;
}

/** Everything that decides whether a job may go on now; `now` is Postgres' clock. */
export interface GateAsk {
  readonly now: Date;
  readonly of: GateClass;
  readonly namespaces: TouchedNamespaces;
  readonly override: readonly string[];
  readonly notBefore: Date | undefined;
  readonly planHash: string | null;
  readonly approvals: readonly GivenApproval[];
  /** Until when an approval that was asked for may come. */
  readonly askedUntil: Date | undefined;
  readonly rules: { readonly windows: readonly ReleaseWindow[]; readonly approvals: readonly ApprovalRule[] };
  /** Of the job's environment. */
  readonly freezes: readonly ActiveFreeze[];
}

/** A gate that stops a job, in words for its log and for whoever looks at it. */
export interface ClosedGate {
  readonly gate: PeopleGate;
  /** When it opens by itself; for an approval: until when it may come. */
  readonly until: Date | undefined;
  /** The step of the log. */
  readonly step: string;
  readonly detail: string | undefined;
  readonly waitingFor: string;
  /** The deadline of an approval has passed: it will not open any more. */
  readonly expired: boolean;
}

/** What was closed and was passed by an override, for the log and the audit. */
export interface PassedGate {
  readonly right: "freeze" | "window";
  readonly text: string;
}

export interface GateAnswer {
  /** The first gate of the order that is closed; undefined when the job may go. */
  readonly closed: ClosedGate | undefined;
  readonly passed: readonly PassedGate[];
}

/** Asks the gates in their order; the first that is closed is what the job waits for. */
export function askGates(ask: GateAsk): GateAnswer {
  const passed: PassedGate[] = [];
  for (const gate of peopleGates) {
    if (!askedOf[ask.of].includes(gate)) continue;
    const closed = closedBy[gate](ask);
    if (closed === undefined) continue;
    if ((gate === "freeze" || gate === "window") && ask.override.includes(gate)) {
      passed.push({ right: gate, text: passedText(gate, closed) });
      continue;
    }
    return { closed, passed };
  }
  return { closed: undefined, passed };
}

/** Rules whose consent a plan needs and does not have. */
export function missingApprovals(
  ask: Pick<GateAsk, "namespaces" | "rules" | "approvals" | "planHash">,
): readonly ApprovalRule[] {
  const given = ask.approvals.filter((one) => one.verdict === "approved" && one.planHash === ask.planHash);
  const satisfied = new Set(given.flatMap((one) => one.satisfies));
  return ask.rules.approvals.filter((rule) => isAbout(rule, ask.namespaces) && !satisfied.has(ruleKey(rule)));
}

/** What two rules that ask the same people have in common; also how they are named. */
export function ruleKey({ role, tokens, group }: ApprovalRule): string {
  if (group !== undefined) return `the group ${group}`;
  if (tokens !== undefined) return tokens.length === 1 ? (tokens[0] ?? "") : `one of ${tokens.join(", ")}`;
  return role === "approver" || role === "admin" ? `an ${role}` : `a ${role ?? ""}`;
}

/** The class of a job; `undoes`: the kind of the job that a rollback undoes. */
export function gateClassOf(job: {
  readonly kind: JobKind;
  readonly automatic: boolean;
  readonly undoes: JobKind | undefined;
}): GateClass {
  if (job.kind !== "rollback") return job.kind;
  if (job.automatic) return "automatic rollback";
  // What brings annotations back is as harmless as what changed them.
  if (job.undoes === "policy") return "policy";
  return job.undoes === "rollback" ? "rollback of a rollback" : "manual rollback";
}

const closedBy: Readonly<Record<PeopleGate, (ask: GateAsk) => ClosedGate | undefined>> = {
  approval(ask) {
    const missing = missingApprovals(ask);
    if (missing.length === 0) return undefined;
    const who = [...new Set(missing.map(ruleKey))].join(" and ");
    const shortest = Math.min(...missing.map((rule) => rule.deadlineMs));
    const until = ask.askedUntil ?? new Date(ask.now.getTime() + shortest);
    return {
      gate: "approval",
      until,
      step: `Waiting for approval by ${who}.`,
      detail: `until ${instantText(until)}, not by who asked for it`,
      waitingFor: `approval by ${who}, until ${instantText(until)}`,
      expired: until.getTime() <= ask.now.getTime(),
    };
  },
  schedule({ notBefore, now }) {
    if (notBefore === undefined || notBefore.getTime() <= now.getTime()) return undefined;
    const when = instantText(notBefore);
    return {
      gate: "schedule",
      until: notBefore,
      step: `Waiting until ${when}, for which it is scheduled.`,
      detail: undefined,
      waitingFor: `its time, ${when}`,
      expired: false,
    };
  },
  freeze(ask) {
    const freezes = ask.freezes.filter((freeze) => stops(freeze, ask));
    // The one that ends last is what it waits for in truth.
    const last = freezes.toSorted((a, b) => endOf(b) - endOf(a))[0];
    if (last === undefined) return undefined;
    const until = last.until ?? undefined;
    const end = until === undefined ? "until it is lifted" : `until ${instantText(until)}`;
    const what = last.namespace === null ? last.environment : `${last.namespace} in ${last.environment}`;
    return {
      gate: "freeze",
      until,
      step: `Waiting for the end of the freeze of ${what}: ${last.reason}`,
      detail: `${end}, set by ${last.by}`,
      waitingFor: `the freeze of ${what} (${last.reason}), ${end}`,
      expired: false,
    };
  },
  window({ rules, namespaces, now }) {
    const state = windowState(rules.windows, namespaces, now);
    if (state.open) return undefined;
    const why = state.reason === undefined ? "" : ` (${state.reason})`;
    const when = state.until === undefined ? undefined : instantText(state.until);
    return {
      gate: "window",
      until: state.until,
      step:
        when === undefined ? "Waiting until a window opens." : `Waiting until the window opens at ${when}.`,
      detail: state.reason ?? (when === undefined ? "none does within a year" : undefined),
      waitingFor:
        when === undefined
          ? `a window, and none opens within a year${why}`
          : `the window that opens at ${when}${why}`,
      expired: false,
    };
  },
};

function stops({ namespace, until }: ActiveFreeze, { now, namespaces }: GateAsk): boolean {
  if (until !== null && until.getTime() <= now.getTime()) return false;
  return namespace === null || namespaces === "all" || namespaces.includes(namespace);
}

function endOf({ until }: ActiveFreeze): number {
  return until?.getTime() ?? Number.POSITIVE_INFINITY;
}

function passedText(right: "freeze" | "window", closed: ClosedGate): string {
  const what = closed.waitingFor.replace(/, until .*$/, "");
  return right === "freeze" ? `Passed ${what}, by override.` : "Released outside its windows, by override.";
}
