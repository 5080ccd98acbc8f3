import { expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { createFakeHostRows } from "./host-rows.fake.ts";
import { createHostTokens } from "./host-tokens.ts";
import type { AskedBy } from "./host-tokens.ts";

const host = "registry.example.com";

function someTokens(rate = { requestsPerSecond: 20, burst: 40 }) {
  const clock = createFakeClock();
  const rows = createFakeHostRows();
  const tokens = createHostTokens({ rows, rateOf: () => rate, clock });
  const never = new AbortController().signal;
  const take = (by: AskedBy = "schedule", signal = never) => tokens.take({ host, by, signal });
  return { clock, rows, tokens, take };
}

const codeOf = (taking: Promise<void>): Promise<string> =>
  taking.then(
    () => "taken",
    (error: unknown) => (error instanceof SlipwayError ? error.code : "another error"),
  );

test("requests come out of the store in batches, of half a second's worth at most", async () => {
  const { rows, take } = someTokens();
  rows.fill(1_000);
  for (let request = 0; request < 100; request += 1) await take();
  expect(rows.asked.length).toBeLessThan(20);
  expect(Math.max(...rows.asked.map(({ want }) => want))).toBe(10);
});

test("what was taken and not used is not kept", async () => {
  const { clock, rows, take } = someTokens();
  rows.fill(1_000);
  for (let request = 0; request < 20; request += 1) await take();
  const before = rows.asked.length;
  await clock.advance(10_000);
  await take();
  expect(rows.asked.slice(before)).toMatchObject([{ want: 1 }]);
});

test("the schedule leaves a share of the burst; people may take it, and as much in advance", async () => {
  const { rows, take } = someTokens();
  rows.fill(10);
  const waiting = take("schedule");
  await take("person");
  expect(rows.asked.map(({ atLeast }) => atLeast)).toEqual([10, -40]);
  rows.fill(1_000);
  await expect(Promise.race([waiting, Promise.resolve("waits")])).resolves.toBe("waits");
});

test("who finds nothing waits until there is something", async () => {
  const { clock, rows, take } = someTokens();
  let taken = 0;
  const all = Promise.all(Array.from({ length: 3 }, () => take().then(() => void (taken += 1))));
  await clock.untilSomeoneSleeps();
  expect(taken).toBe(0);
  rows.fill(1_000);
  await clock.advance(2_000);
  await all;
  expect(taken).toBe(3);
});

test("whoever waits until its time is over is told that the budget is used up", async () => {
  const { clock, take } = someTokens();
  const late = new AbortController();
  const waiting = codeOf(take("schedule", late.signal));
  await clock.untilSomeoneSleeps();
  late.abort(new DOMException("late", "TimeoutError"));
  await clock.advance(2_000);
  expect(await waiting).toBe("REGISTRY_RATE_LIMITED");
});

test("what another scanner was refused counts here from the next batch on, for everybody", async () => {
  const { clock, rows, take } = someTokens();
  rows.set({ leftAloneMs: 60_000 });
  expect(await codeOf(take())).toBe("REGISTRY_RATE_LIMITED");
  expect(await codeOf(take("person"))).toBe("REGISTRY_RATE_LIMITED");
  const asked = rows.asked.length;
  expect(await codeOf(take())).toBe("REGISTRY_RATE_LIMITED");
  expect(rows.asked).toHaveLength(asked);
  rows.set({ leftAloneMs: 0 });
  rows.fill(1_000);
  await clock.advance(60_000);
  expect(await codeOf(take())).toBe("taken");
});

test("a refusal ends the batch that was taken before it", async () => {
  const { rows, take, tokens } = someTokens();
  rows.fill(1_000);
  await Promise.all([take(), take(), take()]);
  await tokens.refused(host, 60_000);
  expect(await codeOf(take())).toBe("REGISTRY_RATE_LIMITED");
});

test("a silent host is asked by people alone, until it answers", async () => {
  const { rows, take, tokens } = someTokens();
  rows.fill(1_000);
  rows.set({ silentMs: 30_000, troubled: true });
  expect(await codeOf(take())).toBe("REGISTRY_UNAVAILABLE");
  expect(await codeOf(take("person"))).toBe("taken");
  rows.set({ silentMs: 0, troubled: false });
  await tokens.answered(host);
  await tokens.answered(host);
  expect(rows.answers.count).toBe(1);
  expect(await codeOf(take())).toBe("taken");
});
