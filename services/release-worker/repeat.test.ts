import { expect, test } from "vitest";

import { createProgress } from "#common/kit/health.ts";
import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";

import { repeat } from "./repeat.ts";

const setUp = () => {
  const clock = createFakeClock();
  const progress = createProgress({ maxSilenceMs: 60_000, clock });
  const stop = new AbortController();
  const run = (act: () => Promise<void>) =>
    repeat({ log: silentLog, clock }, { everyMs: 2_000, signal: stop.signal, what: "look", act, progress });
  return { clock, progress, stop, run };
};

test("a loop whose acts fail still turns, and is alive", async () => {
  const { clock, progress, stop, run } = setUp();
  let turns = 0;
  const loop = run(() => Promise.reject(new Error(`turn ${(turns += 1)}`)));
  await clock.untilSomeoneSleeps();
  await clock.advance(300_000);
  expect(progress.alive()).toBe(true);
  expect(turns).toBeGreaterThan(100);
  stop.abort();
  await loop;
});

test("a loop that hangs in its act is not alive, until it turns again", async () => {
  const { clock, progress, stop, run } = setUp();
  const hanging = Promise.withResolvers<void>();
  const loop = run(() => hanging.promise);
  await clock.advance(60_001);
  expect(progress.alive()).toBe(false);
  hanging.resolve();
  await clock.untilSomeoneSleeps();
  expect(progress.alive()).toBe(true);
  stop.abort();
  await loop;
});
