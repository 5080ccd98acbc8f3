import { describe, expect, test } from "vitest";

import { askGates, askedOf, gateClassOf, gateClasses, peopleGates } from "./gates.ts";
import type { ActiveFreeze, GateAsk, GivenApproval } from "./gates.ts";

const now = new Date("2026-11-25T20:00:00Z");
const hour = 3_600_000;

function ask(more: Partial<GateAsk> = {}): GateAsk {
  return {
    now,
    of: "release",
    namespaces: ["shop"],
    override: [],
    notBefore: undefined,
    planHash: "plan-1",
    approvals: [],
    askedUntil: undefined,
    rules: { windows: [], approvals: [] },
    freezes: [],
    ...more,
  };
}

const freeze: ActiveFreeze = {
  environment: "prod",
  namespace: null,
  reason: "incident 42",
  by: "alice",
  until: null,
};
const office = { kind: "allow", cron: "0 9 * * *", timeZone: "UTC", durationMs: 8 * hour } as const;
const approver = { role: "approver", deadlineMs: 24 * hour };
const approved: GivenApproval = {
  by: "bob",
  verdict: "approved",
  planHash: "plan-1",
  satisfies: ["an approver"],
  comment: null,
  at: now.toISOString(),
};
const allClosed = {
  rules: { windows: [office], approvals: [approver] },
  freezes: [freeze],
  notBefore: new Date("2026-12-01T06:00:00Z"),
};

const gateOf = (more: Partial<GateAsk>) => askGates(ask(more)).closed?.gate;

test("a job goes where nothing stops it", () => {
  expect(askGates(ask())).toEqual({ closed: undefined, passed: [] });
});

test("a job waits for one gate after the other, in one order", () => {
  const met: unknown[] = [];
  let at: Partial<GateAsk> = allClosed;
  const opened: Readonly<Record<string, () => Partial<GateAsk>>> = {
    approval: () => ({ ...at, approvals: [approved] }),
    schedule: () => ({ ...at, now: new Date("2026-12-01T06:00:00Z") }),
    freeze: () => ({ ...at, freezes: [] }),
    window: () => ({ ...at, now: new Date("2026-12-01T09:00:00Z") }),
  };
  for (let gate = gateOf(at); gate !== undefined && met.length < 5; gate = gateOf(at)) {
    met.push(gate);
    at = opened[gate]?.() ?? {};
  }
  expect(met).toEqual([...peopleGates]);
});

test.each(gateClasses)("a %s is stopped by what the table says, and by nothing else", (of) => {
  for (const gate of peopleGates) {
    const only: Partial<GateAsk> = {
      approval: { rules: { windows: [], approvals: [approver] } },
      schedule: { notBefore: allClosed.notBefore },
      freeze: { freezes: [freeze] },
      window: { rules: { windows: [office], approvals: [] } },
    }[gate];
    expect([gate, gateOf({ ...only, of })]).toEqual([gate, askedOf[of].includes(gate) ? gate : undefined]);
  }
});

test("nothing stops an automatic rollback, and a manual one passes windows, not freezes", () => {
  expect(askedOf["automatic rollback"]).toEqual([]);
  expect(askedOf["manual rollback"]).toEqual(["freeze"]);
});

test.each([
  [{ kind: "release", automatic: false, undoes: undefined }, "release"],
  [{ kind: "rollback", automatic: false, undoes: "release" }, "manual rollback"],
  [{ kind: "rollback", automatic: false, undoes: "rollback" }, "rollback of a rollback"],
  [{ kind: "rollback", automatic: true, undoes: "rollback" }, "automatic rollback"],
  [{ kind: "rollback", automatic: false, undoes: "policy" }, "policy"],
  [{ kind: "sync", automatic: false, undoes: undefined }, "sync"],
] as const)("%j is a %s", (job, expected) => {
  expect(gateClassOf(job)).toBe(expected);
});

describe("a freeze", () => {
  test("of another namespace stops nobody, and of all namespaces everybody", () => {
    const other = { ...freeze, namespace: "payment" };
    expect(gateOf({ freezes: [other] })).toBeUndefined();
    expect(gateOf({ freezes: [other], namespaces: ["shop", "payment"] })).toBe("freeze");
    expect(gateOf({ freezes: [other], namespaces: "all" })).toBe("freeze");
  });

  test("is over at its end", () => {
    expect(gateOf({ freezes: [{ ...freeze, until: now }] })).toBeUndefined();
    expect(gateOf({ freezes: [{ ...freeze, until: new Date(now.getTime() + 1) }] })).toBe("freeze");
  });

  test("tells who, why and until when; of several the one that ends last", () => {
    const until = new Date("2026-11-26T08:00:00Z");
    const ends = { ...freeze, until, namespace: "shop", reason: "stocktaking" };
    expect(askGates(ask({ freezes: [ends] })).closed).toMatchObject({
      until,
      step: "Waiting for the end of the freeze of shop in prod: stocktaking",
      detail: "until 26 Nov 26 08:00 UTC, set by alice",
      waitingFor: "the freeze of shop in prod (stocktaking), until 26 Nov 26 08:00 UTC",
    });
    expect(askGates(ask({ freezes: [ends, freeze] })).closed).toMatchObject({
      until: undefined,
      waitingFor: "the freeze of prod (incident 42), until it is lifted",
    });
  });
});

describe("a window", () => {
  test("that is closed tells when it opens", () => {
    expect(askGates(ask({ rules: { windows: [office], approvals: [] } })).closed).toMatchObject({
      until: new Date("2026-11-26T09:00:00Z"),
      step: "Waiting until the window opens at 26 Nov 26 09:00 UTC.",
      waitingFor: "the window that opens at 26 Nov 26 09:00 UTC",
    });
  });

  test("that never opens says so", () => {
    const never = { ...office, kind: "deny", cron: "0 0 * * *", durationMs: 24 * hour } as const;
    expect(askGates(ask({ rules: { windows: [never], approvals: [] } })).closed).toMatchObject({
      until: undefined,
      waitingFor: "a window, and none opens within a year",
    });
  });
});

describe("an approval", () => {
  const needed = {
    rules: { windows: [], approvals: [approver, { tokens: ["eve", "mallory"], deadlineMs: hour }] },
  };

  test("is asked of everybody who has to consent, until the first deadline", () => {
    expect(askGates(ask(needed)).closed).toMatchObject({
      gate: "approval",
      until: new Date("2026-11-25T21:00:00Z"),
      step: "Waiting for approval by an approver and one of eve, mallory.",
      expired: false,
    });
    expect(askGates(ask({ ...needed, approvals: [approved] })).closed).toMatchObject({
      step: "Waiting for approval by one of eve, mallory.",
    });
  });

  test("counts for its plan alone, and a rejection never does", () => {
    const both = { ...approved, satisfies: ["an approver", "one of eve, mallory"] };
    expect(gateOf({ ...needed, approvals: [both] })).toBeUndefined();
    expect(gateOf({ ...needed, approvals: [both], planHash: "plan-2" })).toBe("approval");
    expect(gateOf({ ...needed, approvals: [{ ...both, verdict: "rejected" }] })).toBe("approval");
  });

  test("is needed only for the namespaces of its rule", () => {
    const rules = { windows: [], approvals: [{ ...approver, namespaces: ["pay*"] }] };
    expect(gateOf({ rules })).toBeUndefined();
    expect(gateOf({ rules, namespaces: ["payment"] })).toBe("approval");
  });

  test("has expired at its deadline, which asking again does not move", () => {
    expect(askGates(ask({ ...needed, askedUntil: now })).closed).toMatchObject({ until: now, expired: true });
    const later = new Date(now.getTime() + 1);
    expect(askGates(ask({ ...needed, askedUntil: later })).closed).toMatchObject({
      until: later,
      expired: false,
    });
  });
});

describe("an override", () => {
  test("passes a freeze or a window, each by its own right, and says what it passed", () => {
    const both = { freezes: [freeze], rules: { windows: [office], approvals: [] } };
    expect(gateOf({ ...both, override: ["window"] })).toBe("freeze");
    expect(gateOf({ ...both, override: ["freeze"] })).toBe("window");
    expect(askGates(ask({ ...both, override: ["freeze", "window"] }))).toEqual({
      closed: undefined,
      passed: [
        { right: "freeze", text: "Passed the freeze of prod (incident 42), by override." },
        { right: "window", text: "Released outside its windows, by override." },
      ],
    });
  });

  test("that had nothing to pass is not told", () => {
    expect(askGates(ask({ override: ["freeze", "window"] })).passed).toEqual([]);
  });

  test("never passes an approval or a schedule", () => {
    const everything = [
      "lock",
      "filter",
      "downgrade",
      "freeze",
      "window",
      "conflict",
      "changed-since",
      "approval",
      "schedule",
    ];
    expect(gateOf({ ...allClosed, override: everything })).toBe("approval");
    expect(gateOf({ ...allClosed, approvals: [approved], override: everything })).toBe("schedule");
  });
});
