import { expect, test } from "vitest";

import { createHeartbeat } from "./heartbeat.ts";

function aHeartbeat() {
  let nowMs = 0;
  const heartbeat = createHeartbeat({ monotonicMs: () => nowMs });
  return { heartbeat, pass: (ms: number) => void (nowMs += ms) };
}

test("renewals that fail for longer than four seconds end the right to begin anything", () => {
  const { heartbeat, pass } = aHeartbeat();
  const signal = heartbeat.signal();
  pass(4_000);
  heartbeat.failed();
  expect(signal.aborted).toBe(false);
  pass(1);
  heartbeat.failed();
  expect(signal.aborted).toBe(true);
});

test("a renewal that succeeds counts from then on, and gives a new right after the old one ended", () => {
  const { heartbeat, pass } = aHeartbeat();
  const first = heartbeat.signal();
  pass(3_000);
  heartbeat.succeeded();
  pass(3_000);
  heartbeat.failed();
  expect(first.aborted).toBe(false);
  pass(2_000);
  heartbeat.failed();
  expect(first.aborted).toBe(true);
  heartbeat.succeeded();
  expect(heartbeat.signal()).not.toBe(first);
  expect(heartbeat.signal().aborted).toBe(false);
});
