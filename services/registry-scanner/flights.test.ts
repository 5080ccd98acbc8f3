import { expect, test } from "vitest";
import { createFlights } from "./flights.ts";

function counted() {
  const gates: ((value: number) => void)[] = [];
  const work = (): Promise<number> => new Promise((resolve) => gates.push(resolve));
  return { gates, work, begun: () => gates.length };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("who comes while work runs shares one more that begins afterwards", async () => {
  const flights = createFlights<number>();
  const { gates, work, begun } = counted();
  const first = flights.fresh("a", work);
  const later = [flights.fresh("a", work), flights.fresh("a", work), flights.fresh("a", work)];
  expect(begun()).toBe(1);
  gates[0]?.(1);
  expect(await first).toBe(1);
  await settle();
  gates[1]?.(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  expect(begun()).toBe(2);
});

test("work that failed is begun anew for those who waited", async () => {
  const flights = createFlights<number>();
  const first = flights.fresh("a", () => Promise.reject(new Error("no")));
  const second = flights.fresh("a", async () => 2);
  await expect(first).rejects.toThrow("no");
  expect(await second).toBe(2);
});

test("a busy key starts nothing more unless it must be fresh; others are not concerned", async () => {
  const flights = createFlights<number>();
  const { gates, work } = counted();
  const first = flights.fresh("a", work);
  expect(flights.unlessBusy("a", work)).toBeUndefined();
  expect(await flights.unlessBusy("b", async () => 3)).toBe(3);
  gates[0]?.(1);
  await first;
  await flights.idle();
  expect(await flights.unlessBusy("a", async () => 4)).toBe(4);
});
