import { expect, test } from "vitest";

import { createFakeClock } from "#common/testing/fake-clock.ts";

import { createProgress } from "./health.ts";
import { pauseMs, pollUntil, retry, withDeadline } from "./retry.ts";

const quick = { attempts: 3, baseMs: 1, maxMs: 2 };

test("tries again until it succeeds", async () => {
  const answer = await retry(async (attempt) => {
    if (attempt < 3) throw new Error("not yet");
    return attempt;
  }, quick);
  expect(answer).toBe(3);
});

test("gives up with the last error after the last attempt", async () => {
  let calls = 0;
  const failing = retry(async () => Promise.reject(new Error(`failure ${(calls += 1)}`)), quick);
  await expect(failing).rejects.toThrow("failure 3");
});

test("does not repeat what is not worth it, nor after the signal", async () => {
  let calls = 0;
  const failing = async (): Promise<never> => {
    calls += 1;
    throw new Error("no");
  };
  await expect(retry(failing, { ...quick, when: () => false })).rejects.toThrow("no");
  expect(calls).toBe(1);
  const controller = new AbortController();
  const clock = createFakeClock();
  const work = retry(failing, { ...quick, signal: controller.signal, clock });
  await clock.untilSomeoneSleeps();
  controller.abort();
  await expect(work).rejects.toMatchObject({ name: "AbortError" });
  expect(calls).toBe(2);
});

test("doubles the pause up to its cap and spreads it", () => {
  const options = { baseMs: 100, maxMs: 1_000, jitter: 0.5 };
  const most = (attempt: number): number => pauseMs(attempt, { ...options, random: () => 1 });
  expect([1, 2, 3, 4, 5, 999].map(most)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(pauseMs(1, { ...options, random: () => 0 })).toBe(50);
});

test("work that is late fails with UNAVAILABLE and hears of it", async () => {
  let heard = false;
  const late = withDeadline(
    (signal) => new Promise(() => signal.addEventListener("abort", () => (heard = true))),
    5,
    "the push",
  );
  await expect(late).rejects.toMatchObject({ code: "UNAVAILABLE", detail: "the push took more than 5 ms" });
  expect(heard).toBe(true);
  await expect(withDeadline(Promise.resolve(1), 1_000)).resolves.toBe(1);
});

test("polls until there is an answer, or time is up", async () => {
  const clock = createFakeClock();
  let asked = 0;
  const answer = pollUntil(() => (asked += 1) >= 3 && "yes", { everyMs: 10, timeoutMs: 100, clock });
  await clock.untilSomeoneSleeps();
  await clock.advance(20);
  expect(await answer).toBe("yes");
  const never = pollUntil(() => false, { everyMs: 10, timeoutMs: 100, clock, what: "spring" });
  const checked = expect(never).rejects.toThrow(/spring did not come true within 100 ms/);
  await clock.untilSomeoneSleeps();
  await clock.advance(100);
  await checked;
});

test("a loop is alive while it beats", async () => {
  const clock = createFakeClock();
  const progress = createProgress({ maxSilenceMs: 1_000, clock });
  await clock.advance(1_000);
  expect(progress.alive()).toBe(true);
  await clock.advance(1);
  expect(progress.alive()).toBe(false);
  progress.beat();
  expect(progress.alive()).toBe(true);
});
