import { expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import { createHostBudget } from "./host-budget.ts";

const host = "registry.example.com";

function aBudget() {
  const refusals: (number | undefined)[] = [];
  const silences: string[] = [];
  const budget = createHostBudget({
    take: async () => undefined,
    refused: async (_, forMs) => void refusals.push(forMs),
    silent: async (name) => void silences.push(name),
    answered: async () => undefined,
  });
  return { budget, refusals, silences };
}

test("a refusal is recorded with the time that the host asked for", async () => {
  const { budget, refusals } = aBudget();
  await budget.failed(host, new SlipwayError("REGISTRY_RATE_LIMITED", { facts: { retryAfterMs: 60_000 } }));
  await budget.failed(host, new SlipwayError("REGISTRY_RATE_LIMITED"));
  expect(refusals).toEqual([60_000, undefined]);
});

test("what was not asked at all says nothing about the host", async () => {
  const { budget, refusals, silences } = aBudget();
  const facts = { retryAfterMs: 60_000, notAsked: true };
  await budget.failed(host, new SlipwayError("REGISTRY_RATE_LIMITED", { facts }));
  for (let times = 0; times < 10; times += 1) {
    await budget.failed(host, new SlipwayError("REGISTRY_UNAVAILABLE", { facts: { notAsked: true } }));
  }
  expect([...refusals, ...silences]).toEqual([]);
});

test("a host that is silent again and again is recorded; afterwards one more silence is enough", async () => {
  const { budget, silences } = aBudget();
  const silence = new SlipwayError("REGISTRY_UNAVAILABLE");
  for (let times = 0; times < 3; times += 1) await budget.failed(host, silence);
  expect(silences).toEqual([]);
  await budget.failed(host, silence);
  await budget.failed(host, silence);
  expect(silences).toEqual([host, host]);
});

test("an answer ends the count of silences, and a bad status is no silence", async () => {
  const { budget, silences } = aBudget();
  const silence = new SlipwayError("REGISTRY_UNAVAILABLE");
  const badStatus = new SlipwayError("REGISTRY_UNAVAILABLE", { facts: { status: 503 } });
  for (let times = 0; times < 3; times += 1) await budget.failed(host, silence);
  await budget.answered(host);
  await budget.failed(host, silence);
  for (let times = 0; times < 10; times += 1) await budget.failed(host, badStatus);
  expect(silences).toEqual([]);
});
