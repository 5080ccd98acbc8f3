import { expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";

import { createCalmHints } from "./calm-hints.ts";

function setUp(look?: (subject: string) => Promise<void>) {
  const clock = createFakeClock();
  const looks: string[] = [];
  const hints = createCalmHints({
    everyMs: 1_000,
    clock,
    log: silentLog,
    look: look ?? (async (subject) => void looks.push(subject)),
  });
  return { clock, looks, hints };
}

test("looks at once, and of many hints after that once more", async () => {
  const { clock, looks, hints } = setUp();
  await hints.hint("a");
  expect(looks).toEqual(["a"]);
  for (let at = 0; at < 9; at += 1) {
    await hints.hint("a");
    await clock.advance(100);
  }
  expect(looks).toEqual(["a"]);
  await clock.advance(100);
  expect(looks).toEqual(["a", "a"]);
  await clock.advance(10_000);
  expect(looks).toEqual(["a", "a"]);
  await hints.hint("a");
  expect(looks).toEqual(["a", "a", "a"]);
});

test("one subject does not make another wait", async () => {
  const { looks, hints } = setUp();
  await hints.hint("a");
  await hints.hint("b");
  expect(looks).toEqual(["a", "b"]);
});

test("a first look that fails tells its sender; an owed one ends nothing", async () => {
  let tries = 0;
  const { clock, hints } = setUp(async () => {
    tries += 1;
    throw new Error(`try ${tries}`);
  });
  await expect(hints.hint("a")).rejects.toThrow("try 1");
  await hints.hint("a");
  await clock.advance(1_000);
  expect(tries).toBe(2);
});

test("owes nothing any more once it is stopped", async () => {
  const { clock, looks, hints } = setUp();
  await hints.hint("a");
  await hints.hint("a");
  hints.stop();
  await clock.advance(10_000);
  expect(looks).toEqual(["a"]);
  expect(clock.sleeping()).toBe(0);
});
