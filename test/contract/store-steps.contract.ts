import { expect, test } from "vitest";

import { appendSteps, endOpenSteps, endStep, listSteps, openSteps, updateStep } from "#common/store/steps.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function stepsContract(given: () => StoreWorld): void {
  test("steps appended by many at once are numbered without a gap, each caller's in order", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const append = (caller: number) =>
      store.transaction((tx) =>
        appendSteps(tx, id, [{ text: `${caller} a` }, { text: `${caller} b` }, { text: `${caller} c` }]),
      );
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, caller) => append(caller)));
    for (const [first = 0, second, third] of numbers) expect([second, third]).toEqual([first + 1, first + 2]);
    const { steps, next } = await listSteps(store.db, id, { after: 0n, limit: 100 });
    expect(steps.map((step) => step.number)).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
    expect(next).toBe(61n);
  });

  test("steps of a transaction that is rolled back leave no gap", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const failing = store.transaction(async (tx) => {
      await appendSteps(tx, id, [{ text: "never" }]);
      throw new Error("roll back");
    });
    await expect(failing).rejects.toThrow("roll back");
    expect(await appendSteps(store.db, id, [{ text: "second" }])).toEqual([2]);
  });

  test("a changed step comes again to whoever follows, and one that has ended does not change", async () => {
    const { store, aJob } = given();
    const { id: jobId } = await aJob();
    const [number = 0] = await appendSteps(store.db, jobId, [{ text: "Rollout of web.", open: true }]);
    const { next: after } = await listSteps(store.db, jobId, { after: 0n, limit: 100 });

    await updateStep(store.db, { jobId, number, detail: "1 of 3 updated" });
    await updateStep(store.db, { jobId, number, detail: "1 of 3 updated" });
    const changed = await listSteps(store.db, jobId, { after, limit: 100 });
    expect(changed).toMatchObject({
      next: after + 1n,
      steps: [{ number, detail: "1 of 3 updated", outcome: null }],
    });

    await endStep(store.db, { jobId, number, outcome: "ok" });
    await endStep(store.db, { jobId, number, outcome: "failed", detail: "too late" });
    const ended = await listSteps(store.db, jobId, { after: changed.next, limit: 100 });
    expect(ended).toMatchObject({ next: after + 2n, steps: [{ outcome: "ok", detail: "1 of 3 updated" }] });
  });

  test("pages by seq reach everything, whatever the page size", async () => {
    const { store, aJob } = given();
    const { id: jobId } = await aJob();
    await appendSteps(store.db, jobId, [
      { text: "a", open: true },
      { text: "b" },
      { text: "c" },
      { text: "d" },
    ]);
    await endStep(store.db, { jobId, number: 2, outcome: "ok" });
    const seen = new Map<number, string | null>();
    let after = 0n;
    for (let page = 0; page < 10; page += 1) {
      const { steps, next } = await listSteps(store.db, jobId, { after, limit: 2 });
      if (steps.length === 0) break;
      for (const step of steps) seen.set(step.number, step.outcome);
      after = next;
    }
    expect([...seen].sort(([a], [b]) => a - b)).toEqual([1, 2, 3, 4, 5].map((number) => [number, "ok"]));
  });

  test("what is open can be ended together", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    await appendSteps(store.db, id, [{ text: "a", open: true }, { text: "b" }, { text: "c", open: true }]);
    expect((await openSteps(store.db, id)).map((step) => step.text)).toEqual(["a", "c"]);
    await endOpenSteps(store.db, id, { outcome: "skipped", detail: "the worker ended" });
    const { steps, next } = await listSteps(store.db, id, { after: 4n, limit: 10 });
    expect(steps.map(({ number, seq, outcome }) => [number, seq, outcome])).toEqual([
      [2, 5n, "skipped"],
      [4, 6n, "skipped"],
    ]);
    await endOpenSteps(store.db, id, { outcome: "failed" });
    expect((await listSteps(store.db, id, { after: next, limit: 10 })).steps).toEqual([]);
  });

  test("a job keeps at most 500 steps", async () => {
    const { store, aJob } = given();
    const { id } = await aJob();
    const many = Array.from({ length: 498 }, (_, index) => ({ text: `step ${index}` }));
    await appendSteps(store.db, id, many);
    expect(await appendSteps(store.db, id, [{ text: "499 + 1" }, { text: "too many" }])).toEqual([500]);
    expect(await appendSteps(store.db, id, [{ text: "too many" }])).toEqual([]);
    expect((await listSteps(store.db, id, { after: 0n, limit: 1_000 })).steps).toHaveLength(500);
  });

  test("a step of a job that does not exist is refused", async () => {
    const { store } = given();
    const absent = "00000000-0000-4000-8000-000000000000";
    await expect(appendSteps(store.db, absent, [{ text: "?" }])).rejects.toMatchObject({
      code: "JOB_NOT_FOUND",
    });
  });
}
