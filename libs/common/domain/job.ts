import { SlipwayError } from "./errors.ts";

/** The life of a job as data: every legal move, and nothing else. The store refuses the rest. */

export type JobKind = "release" | "rollback" | "policy" | "sync" | "restart";

export type JobPhase =
  | "queued"
  | "waiting"
  | "writing"
  | "rolling-out"
  | "succeeded"
  | "failed"
  | "rolled-back"
  | "cancelled"
  | "superseded";

export type Gate = "approval" | "window" | "freeze" | "schedule" | "image" | "merge";

/** Where a job stands; `intent` tells the two halves of writing apart: the point of no return. */
export interface JobState {
  readonly phase: JobPhase;
  readonly gate?: Gate;
  readonly intent?: boolean;
  /** How it ended, where it has. */
  readonly outcome?: string;
}

export type JobEvent =
  | "taken-by-lane"
  | "gate-closed"
  | "gates-opened"
  | "gate-refused"
  | "cancelled"
  | "nothing-to-do"
  | "cannot-plan"
  | "earlier-push-found"
  | "lane-lost"
  | "refused-by-dry-run"
  | "intent-recorded"
  | "adopted"
  | "adopted-committed"
  | "adopted-proposal"
  | "landed-and-removed"
  | "sealed-after-move"
  | "push-refused"
  | "push-refused-in-batch"
  | "outcome-unknown"
  | "landed-late"
  | "merged"
  | "merged-committed"
  | "not-merged"
  | "all-good"
  | "all-superseded"
  | "target-bad"
  | "rolled-back"
  | "worker-crashed"
  | "tip-chosen"
  | "restart-begun";

export interface JobMove {
  readonly phase: JobPhase;
  /** Only for terminal phases: the outcome where it is finer than the phase. */
  readonly outcome?: string;
  /** Writing before or after the intent. */
  readonly intent?: boolean;
}

interface Row {
  readonly from: JobPhase;
  /** For waiting: which gates; "other" is every gate but merge. */
  readonly gate?: "merge" | "other";
  readonly intent?: boolean;
  readonly outcome?: string;
  readonly moves: Partial<Record<JobEvent, JobMove>>;
}

const cancelled: JobMove = { phase: "cancelled", outcome: "cancelled" };
const nothingToDo: JobMove = { phase: "succeeded", outcome: "nothing-to-do" };
const failed: JobMove = { phase: "failed", outcome: "failed" };
const rollingOut: JobMove = { phase: "rolling-out" };
const committed: JobMove = { phase: "succeeded", outcome: "committed" };
const queuedAgain: JobMove = { phase: "queued" };
const unknown: JobMove = { phase: "failed", outcome: "outcome-unknown" };
const crashed: JobMove = { phase: "failed", outcome: "worker-crashed" };
const adoptedEarlier: Partial<Record<JobEvent, JobMove>> = {
  "earlier-push-found": rollingOut,
  "adopted-committed": committed,
};

/** CORRECTNESS §7, row by row. */
export const jobTable: readonly Row[] = [
  {
    from: "queued",
    moves: {
      ...adoptedEarlier,
      "gate-closed": { phase: "waiting" },
      "taken-by-lane": { phase: "writing", intent: false },
      cancelled,
      "nothing-to-do": nothingToDo,
      "cannot-plan": failed,
      "worker-crashed": crashed,
      "restart-begun": rollingOut,
    },
  },
  {
    from: "waiting",
    gate: "other",
    moves: { ...adoptedEarlier, "gates-opened": queuedAgain, "gate-refused": failed, cancelled },
  },
  {
    from: "waiting",
    gate: "merge",
    moves: {
      ...adoptedEarlier,
      merged: rollingOut,
      "merged-committed": committed,
      "not-merged": { phase: "failed", outcome: "not-merged" },
      cancelled,
    },
  },
  {
    from: "writing",
    intent: false,
    moves: {
      ...adoptedEarlier,
      "nothing-to-do": nothingToDo,
      "gate-closed": { phase: "waiting" },
      cancelled,
      "lane-lost": queuedAgain,
      "refused-by-dry-run": failed,
      "cannot-plan": failed,
      "worker-crashed": crashed,
      "intent-recorded": { phase: "writing", intent: true },
      "tip-chosen": rollingOut,
    },
  },
  {
    from: "writing",
    intent: true,
    moves: {
      adopted: rollingOut,
      "adopted-committed": committed,
      "adopted-proposal": { phase: "waiting" },
      "landed-and-removed": { phase: "superseded", outcome: "branch-rewritten" },
      "sealed-after-move": queuedAgain,
      "push-refused": failed,
      "push-refused-in-batch": queuedAgain,
      "outcome-unknown": unknown,
    },
  },
  {
    from: "rolling-out",
    moves: {
      "all-good": { phase: "succeeded", outcome: "succeeded" },
      "all-superseded": { phase: "superseded", outcome: "superseded" },
      "target-bad": failed,
      "rolled-back": { phase: "rolled-back", outcome: "rolled-back" },
      "nothing-to-do": nothingToDo,
      "landed-and-removed": { phase: "superseded", outcome: "branch-rewritten" },
      "outcome-unknown": unknown,
    },
  },
  {
    // The one end that is not the last word: nobody knew what would become of the push.
    from: "failed",
    outcome: "outcome-unknown",
    moves: { "landed-late": { phase: "failed", outcome: "landed-late" } },
  },
];

const terminalPhases: readonly JobPhase[] = ["succeeded", "failed", "rolled-back", "cancelled", "superseded"];

export function isTerminal(phase: JobPhase): boolean {
  return terminalPhases.includes(phase);
}

/** Where an event leads from a state, or undefined when the table has no such move. */
export function moveOf(state: JobState, event: JobEvent): JobMove | undefined {
  return rowOf(state)?.moves[event];
}

/** As `moveOf`, but an illegal move is a defect of ours and is thrown. */
export function mustMove(state: JobState, event: JobEvent): JobMove {
  const move = moveOf(state, event);
  if (move !== undefined) return move;
  const where = state.intent === true ? `${state.phase} (intent)` : state.phase;
  throw new SlipwayError("INTERNAL", { detail: `a job that is ${where} cannot move by "${event}"` });
}

/** Every event that is legal in a state; what the model test walks. */
export function legalEvents(state: JobState): readonly JobEvent[] {
  return Object.keys(rowOf(state)?.moves ?? {}) as JobEvent[];
}

function rowOf(state: JobState): Row | undefined {
  const gate = state.gate === "merge" ? "merge" : "other";
  return jobTable.find(
    (row) =>
      row.from === state.phase &&
      (row.gate === undefined || row.gate === gate) &&
      (row.intent === undefined || row.intent === (state.intent ?? false)) &&
      (row.outcome === undefined || row.outcome === state.outcome),
  );
}
