import { expect, test } from "vitest";

import type { HintListener } from "#common/store/hints.ts";

import { createJobWatch } from "./job-watch.ts";

const forEver = 1_000_000;

function aWatch() {
  const listeners = new Set<HintListener>();
  const watch = createJobWatch({
    onHint: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  return { watch, listeners, hint: (...ids: string[]) => listeners.forEach((listener) => listener(ids)) };
}

test("wakes the followers of the job that is hinted at, and no others", async () => {
  const { watch, hint } = aWatch();
  const [mine, other] = [watch.follow("a"), watch.follow("b")];
  const gone = new AbortController();
  const woken: string[] = [];
  const both = [
    mine.next(forEver, gone.signal).then(() => woken.push("a")),
    other.next(forEver, gone.signal).then(() => woken.push("b")),
  ];
  hint("a");
  await both[0];
  expect(woken).toEqual(["a"]);
  gone.abort();
  await both[1];
});

test("keeps a hint that comes while nobody waits", async () => {
  const { watch, hint } = aWatch();
  const follower = watch.follow("a");
  hint("a");
  await follower.next(forEver, new AbortController().signal);
});

test("wakes everybody when hints may have been missed", async () => {
  const { watch, hint } = aWatch();
  const { signal } = new AbortController();
  const waits = ["a", "b"].map((id) => watch.follow(id).next(forEver, signal));
  hint();
  await Promise.all(waits);
});

test("waits no longer than it is told, and not at all for who has left", async () => {
  const { watch, listeners } = aWatch();
  const follower = watch.follow("a");
  await follower.next(1, new AbortController().signal);
  await follower.next(forEver, AbortSignal.abort());
  follower.close();
  watch.stop();
  expect(listeners.size).toBe(0);
});
