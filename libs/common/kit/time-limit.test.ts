import { getEventListeners } from "node:events";

import { expect, test } from "vitest";

import { withTimeLimit } from "./time-limit.ts";

const hangs = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail);
  });

test("work that takes too long is told so by a TimeoutError", async () => {
  const stopping = new AbortController();
  const limited = withTimeLimit({ ms: 1, stopping: stopping.signal }, hangs);
  await expect(limited).rejects.toMatchObject({ name: "TimeoutError" });
});

test("whoever stops ends the work with his own reason, also before it began", async () => {
  const stopping = new AbortController();
  const limit = { ms: 60_000, stopping: stopping.signal };
  const running = withTimeLimit(limit, hangs);
  const reason = new Error("the process stops");
  stopping.abort(reason);
  await expect(running).rejects.toBe(reason);
  await expect(withTimeLimit(limit, hangs)).rejects.toBe(reason);
});

test("nothing of it is left on the signal of whoever stops", async () => {
  const stopping = new AbortController();
  const limit = { ms: 60_000, stopping: stopping.signal };
  expect(await withTimeLimit(limit, async () => 1)).toBe(1);
  await expect(withTimeLimit(limit, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(getEventListeners(stopping.signal, "abort")).toEqual([]);
});
