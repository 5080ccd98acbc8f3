import { expect, test } from "vitest";

import type { JobRow } from "#common/store/schema.ts";

import { createFlights } from "./flights.ts";

const aJob = (id: string): JobRow => ({ id }) as JobRow;

test("one job that hangs holds up no other", async () => {
  const hanging = Promise.withResolvers<void>();
  const done: string[] = [];
  const flights = createFlights(async ({ id }) => {
    if (id === "hangs") await hanging.promise;
    done.push(id);
  });
  flights.start([aJob("hangs"), aJob("a"), aJob("b")]);
  await expect.poll(() => done).toEqual(["a", "b"]);
  expect([...flights.busy()]).toEqual(["hangs"]);
  hanging.resolve();
  await flights.all();
  expect(done).toEqual(["a", "b", "hangs"]);
  expect(flights.busy().size).toBe(0);
});

test("what an act throws is thrown once, when it is asked for", async () => {
  const flights = createFlights(async () => {
    throw new Error("lease lost");
  });
  flights.start([aJob("a")]);
  await flights.all();
  expect(() => flights.rethrow()).toThrow("lease lost");
  expect(() => flights.rethrow()).not.toThrow();
});

test("no more than sixteen are under way, and all have their turn", async () => {
  let underWay = 0;
  let most = 0;
  const done = new Set<string>();
  const flights = createFlights(async ({ id }) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
    done.add(id);
  });
  flights.start(Array.from({ length: 40 }, (_, index) => aJob(`${index}`)));
  expect(flights.busy().size).toBe(40);
  await flights.all();
  expect([most, done.size]).toEqual([16, 40]);
});
