import { describe, expect, test } from "vitest";

import { automationName, triesOf, type TriedContainer } from "./automation-tries.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute));
const tried = (more: Partial<TriedContainer> = {}): TriedContainer => ({
  workload: "shop:deployment/web",
  container: "web",
  image: "web:2",
  job: "01a21068-1e94-7231-a00d-60a045015e39",
  outcome: "failed",
  code: "APPLY_REFUSED",
  detail: "no",
  cancelledBy: null,
  rejectedBy: null,
  skipped: null,
  endedAt: at(0),
  ...more,
});
const only = (rows: readonly TriedContainer[], lifted = new Map<string, Date>()) =>
  triesOf(rows, lifted).get("shop:deployment/web web");

describe("an image that automation brought in vain", () => {
  test("comes again after a while, the first time", () => {
    expect(only([tried()])).toMatchObject({
      image: "web:2",
      over: false,
      againAt: new Date(at(0).getTime() + 30_000),
    });
  });

  test("is over when it fails twice", () => {
    const found = only([tried(), tried({ endedAt: at(5) })]);
    expect(found).toMatchObject({ over: true });
    expect(found?.why).toBe("it failed 2 times, last: job 45015e39 ended without it: no");
  });

  test("is not over for another image's failure", () => {
    expect(only([tried({ image: "web:1" }), tried({ endedAt: at(5) })])).toMatchObject({ over: false });
  });

  test.each([
    ["a host that was away", { code: "GIT_UNAVAILABLE" }],
    ["a push that nobody knows of", { outcome: "outcome-unknown", code: null }],
    ["a lock that came first", { outcome: "nothing-to-do", code: null, skipped: "locked" }],
    ["git that had moved on", { outcome: "nothing-to-do", code: null, skipped: "changed-since" }],
  ] as const)("is never over because of %s", (_, more) => {
    const rows = [0, 1, 2, 3].map((minute) => tried({ ...more, endedAt: at(minute) }));
    expect(only(rows)).toMatchObject({ over: false });
  });

  test("waits ever longer for an outside reason, half an hour at most", () => {
    const rows = (count: number) =>
      Array.from({ length: count }, (_, minute) => tried({ code: "GIT_UNAVAILABLE", endedAt: at(minute) }));
    const pauseOf = (count: number) => (only(rows(count))?.againAt.getTime() ?? 0) - at(count - 1).getTime();
    expect([1, 2, 3, 20].map(pauseOf)).toEqual([30_000, 60_000, 120_000, 1_800_000]);
  });

  test.each([
    ["cancelled", { outcome: "cancelled", cancelledBy: "alice", code: null }, "cancelled by alice"],
    ["rejected", { outcome: "rejected", rejectedBy: "bob" }, "rejected by bob"],
  ] as const)("is over at once when a person %s it", (_, more, why) => {
    expect(only([tried(more)])).toMatchObject({ over: true, why: `job 45015e39 was ${why}` });
  });

  test("counts for nothing when automation itself took the job back, or the hold was lifted since", () => {
    expect(only([tried({ outcome: "cancelled", cancelledBy: automationName })])).toBeUndefined();
    const rows = [tried(), tried({ endedAt: at(5) })];
    expect(only(rows, new Map([["shop:deployment/web web", at(6)]]))).toBeUndefined();
    expect(
      only([...rows, tried({ endedAt: at(7) })], new Map([["shop:deployment/web web", at(6)]])),
    ).toMatchObject({
      over: false,
    });
  });
});
