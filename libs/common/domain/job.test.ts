import { describe, expect, test } from "vitest";

import {
  isTerminal,
  jobTable,
  legalEvents,
  moveOf,
  mustMove,
  type JobEvent,
  type JobMove,
  type JobPhase,
  type JobState,
} from "./job.ts";

/** Every event, by a type that breaks when one is added and not listed. */
const everyEvent: Readonly<Record<JobEvent, true>> = {
  "taken-by-lane": true,
  "gate-closed": true,
  "gates-opened": true,
  "gate-refused": true,
  cancelled: true,
  "nothing-to-do": true,
  "cannot-plan": true,
  "earlier-push-found": true,
  "lane-lost": true,
  "refused-by-dry-run": true,
  "intent-recorded": true,
  adopted: true,
  "adopted-committed": true,
  "adopted-proposal": true,
  "landed-and-removed": true,
  "sealed-after-move": true,
  "push-refused": true,
  "push-refused-in-batch": true,
  "outcome-unknown": true,
  "landed-late": true,
  merged: true,
  "merged-committed": true,
  "not-merged": true,
  "all-good": true,
  "all-superseded": true,
  "target-bad": true,
  "rolled-back": true,
  "worker-crashed": true,
  "tip-chosen": true,
  "restart-begun": true,
};

const queued: JobState = { phase: "queued" };
const waiting: JobState = { phase: "waiting", gate: "approval" };
const waitingForMerge: JobState = { phase: "waiting", gate: "merge" };
const writing: JobState = { phase: "writing", intent: false };
const writingIntent: JobState = { phase: "writing", intent: true };
const rollingOut: JobState = { phase: "rolling-out" };
const endedUnknown: JobState = { phase: "failed", outcome: "outcome-unknown" };

interface Rule {
  readonly from: JobState;
  readonly event: JobEvent;
  readonly to: JobPhase;
  readonly outcome?: string;
  readonly intent?: boolean;
}

const rule = (from: JobState, event: JobEvent, to: JobPhase | JobMove): Rule =>
  typeof to === "string" ? { from, event, to } : { from, event, ...to, to: to.phase };

const succeeded = (outcome: string): JobMove => ({ phase: "succeeded", outcome });
const failed = (outcome = "failed"): JobMove => ({ phase: "failed", outcome });
const superseded = (outcome: string): JobMove => ({ phase: "superseded", outcome });
const cancelled: JobMove = { phase: "cancelled", outcome: "cancelled" };

/** CORRECTNESS §7, sentence by sentence, with the rules elsewhere that add a move. */
const rules: readonly Rule[] = [
  // queued, waiting, and (rule 5e) writing before the intent: an earlier push of it found in the base.
  ...[queued, waiting, waitingForMerge, writing].flatMap((from) => [
    rule(from, "earlier-push-found", "rolling-out"),
    rule(from, "adopted-committed", succeeded("committed")),
  ]),

  rule(queued, "gate-closed", "waiting"),
  rule(queued, "taken-by-lane", { phase: "writing", intent: false }),
  rule(queued, "cancelled", cancelled),
  rule(queued, "nothing-to-do", succeeded("nothing-to-do")),
  rule(queued, "cannot-plan", failed()),
  rule(queued, "worker-crashed", failed("worker-crashed")), // rule 8
  rule(queued, "restart-begun", "rolling-out"), // a restart needs no lane

  rule(waiting, "gates-opened", "queued"),
  rule(waiting, "gate-refused", failed()),
  rule(waiting, "cancelled", cancelled),

  rule(waitingForMerge, "merged", "rolling-out"),
  rule(waitingForMerge, "merged-committed", succeeded("committed")),
  rule(waitingForMerge, "not-merged", failed("not-merged")),
  rule(waitingForMerge, "cancelled", cancelled),

  rule(writing, "nothing-to-do", succeeded("nothing-to-do")),
  rule(writing, "gate-closed", "waiting"),
  rule(writing, "cancelled", cancelled),
  rule(writing, "lane-lost", "queued"),
  rule(writing, "refused-by-dry-run", failed()),
  rule(writing, "cannot-plan", failed()),
  rule(writing, "worker-crashed", failed("worker-crashed")), // rule 8
  rule(writing, "intent-recorded", { phase: "writing", intent: true }),
  rule(writing, "tip-chosen", "rolling-out"), // a sync writes nothing: it applies the tip

  rule(writingIntent, "adopted", "rolling-out"),
  rule(writingIntent, "adopted-committed", succeeded("committed")),
  rule(writingIntent, "adopted-proposal", "waiting"),
  rule(writingIntent, "landed-and-removed", superseded("branch-rewritten")),
  rule(writingIntent, "sealed-after-move", "queued"),
  rule(writingIntent, "push-refused", failed()),
  rule(writingIntent, "push-refused-in-batch", "queued"),
  rule(writingIntent, "outcome-unknown", failed("outcome-unknown")),

  rule(rollingOut, "all-good", succeeded("succeeded")),
  rule(rollingOut, "all-superseded", superseded("superseded")),
  rule(rollingOut, "target-bad", failed()),
  rule(rollingOut, "rolled-back", { phase: "rolled-back", outcome: "rolled-back" }),
  rule(rollingOut, "outcome-unknown", failed("outcome-unknown")),
  rule(rollingOut, "nothing-to-do", succeeded("nothing-to-do")), // a sync that found all as git says
  rule(rollingOut, "landed-and-removed", superseded("branch-rewritten")), // rule 11

  rule(endedUnknown, "landed-late", failed("landed-late")), // rule 5f
];

const ends: readonly JobPhase[] = ["succeeded", "failed", "rolled-back", "cancelled", "superseded"];
const live = [queued, waiting, waitingForMerge, writing, writingIntent, rollingOut];
const outcomes = ["failed", "landed-late", "not-merged", "worker-crashed", "rolled-back", "succeeded"];
const states: readonly JobState[] = [
  ...live,
  ...ends.map((phase) => ({ phase })),
  endedUnknown,
  ...outcomes.map((outcome): JobState => ({ phase: "failed", outcome })),
];
const events = Object.keys(everyEvent) as JobEvent[];

const nameOf = ({ phase, gate, intent, outcome }: JobState): string =>
  `${phase}${gate === undefined ? "" : ` (${gate})`}${intent === true ? " (intent)" : ""}${outcome === undefined ? "" : ` (${outcome})`}`;
const ruleFor = (state: JobState, event: JobEvent): Rule | undefined =>
  rules.find((one) => one.from === state && one.event === event);

describe("the table of moves", () => {
  const pairs = states.flatMap((state) => events.map((event) => ({ state, event })));
  const allowed = pairs.filter(({ state, event }) => ruleFor(state, event) !== undefined);
  const illegal = pairs.filter(({ state, event }) => ruleFor(state, event) === undefined);

  test.each(allowed.map((pair) => ({ ...pair, name: nameOf(pair.state) })))(
    "$name moves by $event",
    ({ state, event }) => {
      const wanted = ruleFor(state, event);
      const move = mustMove(state, event);
      expect(move).toEqual({
        phase: wanted?.to,
        ...(wanted?.outcome === undefined ? {} : { outcome: wanted.outcome }),
        ...(wanted?.intent === undefined ? {} : { intent: wanted.intent }),
      });
      expect(moveOf(state, event)).toEqual(move);
    },
  );
  test("has no other move: every other event is refused in every other state", () => {
    for (const { state, event } of illegal) {
      expect(moveOf(state, event), `${nameOf(state)} by ${event}`).toBeUndefined();
      expect(() => mustMove(state, event)).toThrow(
        `a job that is ${nameOf({ ...state, gate: undefined, outcome: undefined })}`,
      );
    }
    expect(allowed).toHaveLength(rules.length);
    expect(illegal).toHaveLength(pairs.length - rules.length);
  });
  test("lists as legal what it allows", () => {
    for (const state of states) {
      const wanted = rules.filter((one) => one.from === state).map((one) => one.event);
      expect([...legalEvents(state)].sort()).toEqual(wanted.sort());
    }
  });
});

describe("a terminal phase", () => {
  test.each(ends)("%s has no moves", (phase) => {
    expect(isTerminal(phase)).toBe(true);
    expect(legalEvents({ phase })).toEqual([]);
  });
  test("stays what it is by the only move there is after an end: a push that landed late", () => {
    expect(legalEvents(endedUnknown)).toEqual(["landed-late"]);
    expect(isTerminal(mustMove(endedUnknown, "landed-late").phase)).toBe(true);
    expect(legalEvents({ phase: "succeeded", outcome: "outcome-unknown" })).toEqual([]);
  });
  test("is none of those in which work goes on", () => {
    expect(live.map((state) => isTerminal(state.phase))).toEqual(live.map(() => false));
  });
});

describe("a move", () => {
  const moves = jobTable.flatMap((row) => Object.values(row.moves));
  test("has an outcome exactly when it ends the job", () => {
    for (const move of moves) expect(move.outcome !== undefined).toBe(isTerminal(move.phase));
  });
  test("ends a job only with words that people and pipelines know", () => {
    expect([...new Set(moves.flatMap((move) => move.outcome ?? []))].sort()).toEqual([
      "branch-rewritten",
      "cancelled",
      "committed",
      "failed",
      "landed-late",
      "not-merged",
      "nothing-to-do",
      "outcome-unknown",
      "rolled-back",
      "succeeded",
      "superseded",
      "worker-crashed",
    ]);
  });
  test("leads from every phase to an end", () => {
    const reached = new Set<JobPhase>(ends);
    for (let round = 0; round < live.length; round += 1) {
      for (const row of jobTable) {
        if (Object.values(row.moves).some((move) => reached.has(move.phase))) reached.add(row.from);
      }
    }
    expect(live.every((state) => reached.has(state.phase))).toBe(true);
  });
});

describe("before and after the intent", () => {
  test("a job can be cancelled, planned anew or sent back only before", () => {
    for (const event of ["cancelled", "nothing-to-do", "gate-closed", "lane-lost", "cannot-plan"] as const) {
      expect(moveOf(writing, event)).toBeDefined();
      expect(moveOf(writingIntent, event)).toBeUndefined();
    }
  });
  test("writing without more said is writing before the intent", () => {
    expect(legalEvents({ phase: "writing" })).toEqual(legalEvents(writing));
  });
  test("every gate but merge waits alike", () => {
    for (const gate of ["approval", "window", "freeze", "schedule", "image"] as const) {
      expect(legalEvents({ phase: "waiting", gate })).toEqual(legalEvents(waiting));
    }
  });
});
