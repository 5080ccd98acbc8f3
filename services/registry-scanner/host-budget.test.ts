import { expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { createHostBudget } from "./host-budget.ts";

const host = "registry.example.com";

function aBudget() {
  const clock = createFakeClock();
  return { clock, budget: createHostBudget(clock) };
}

function codeOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof SlipwayError ? error.code : "another error";
  }
}

test("a host that asks to be left alone is, by everybody, for as long as it says", async () => {
  const { clock, budget } = aBudget();
  budget.failed(host, new SlipwayError("REGISTRY_RATE_LIMITED", { facts: { retryAfterMs: 60_000 } }));
  for (const by of ["schedule", "person"] as const) {
    expect(codeOf(() => budget.check(host, by))).toBe("REGISTRY_RATE_LIMITED");
  }
  expect(codeOf(() => budget.check("other.example.com", "schedule"))).toBeUndefined();
  await clock.advance(60_000);
  expect(codeOf(() => budget.check(host, "schedule"))).toBeUndefined();
});

test("a refusal that does not say how long holds for a moment", async () => {
  const { clock, budget } = aBudget();
  budget.failed(host, new SlipwayError("REGISTRY_RATE_LIMITED"));
  expect(codeOf(() => budget.check(host, "person"))).toBe("REGISTRY_RATE_LIMITED");
  await clock.advance(5_000);
  expect(codeOf(() => budget.check(host, "person"))).toBeUndefined();
});

test("a host that is silent again and again is left alone by the schedule, not by people", async () => {
  const { clock, budget } = aBudget();
  const silence = new SlipwayError("REGISTRY_UNAVAILABLE");
  for (let times = 0; times < 3; times += 1) budget.failed(host, silence);
  expect(codeOf(() => budget.check(host, "schedule"))).toBeUndefined();
  budget.failed(host, silence);
  expect(codeOf(() => budget.check(host, "schedule"))).toBe("REGISTRY_UNAVAILABLE");
  expect(codeOf(() => budget.check(host, "person"))).toBeUndefined();
  await clock.advance(30_000);
  expect(codeOf(() => budget.check(host, "schedule"))).toBeUndefined();
  budget.failed(host, silence);
  expect(codeOf(() => budget.check(host, "schedule"))).toBe("REGISTRY_UNAVAILABLE");
});

test("an answer ends the count of silences, and a bad status is no silence", () => {
  const { budget } = aBudget();
  const silence = new SlipwayError("REGISTRY_UNAVAILABLE");
  const badStatus = new SlipwayError("REGISTRY_UNAVAILABLE", { facts: { status: 503 } });
  for (let times = 0; times < 3; times += 1) budget.failed(host, silence);
  budget.answered(host);
  budget.failed(host, silence);
  for (let times = 0; times < 10; times += 1) budget.failed(host, badStatus);
  expect(codeOf(() => budget.check(host, "schedule"))).toBeUndefined();
});
