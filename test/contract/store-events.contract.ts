import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { isPlaceKept, placeNow, readEvents, writeEvent } from "#common/store/events.ts";
import { moveJob } from "#common/store/jobs.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function eventsContract(given: () => StoreWorld): void {
  const anEnvironment = () => `env-${randomUUID().slice(0, 8)}`;

  test("every move of a job is an event, from its acceptance on, in order", async () => {
    const { store, aJobAfter } = given();
    const environment = anEnvironment();
    const after = await placeNow(store.db);
    const { id } = await aJobAfter(["taken-by-lane", "nothing-to-do"], { environment });
    const { events, next } = await readEvents(store.db, { environment, after, limit: 10 });
    expect(events.map((event) => event.kind)).toEqual(["job.queued", "job.writing", "job.succeeded"]);
    expect(events.at(-1)).toMatchObject({
      jobId: id,
      data: { phase: "succeeded", outcome: "nothing-to-do", waitingFor: null, commit: null },
    });
    expect(await readEvents(store.db, { environment, after: next, limit: 10 })).toEqual({ events: [], next });
    const second = await readEvents(store.db, { environment, after, limit: 2 });
    expect(second.next).toBe(events[1]?.place);
  });

  test("a move that is rolled back is no event", async () => {
    const { store, aJob } = given();
    const environment = anEnvironment();
    const { id } = await aJob({ environment });
    const after = await placeNow(store.db);
    const failing = store.transaction(async (tx) => {
      await moveJob(tx, { id, event: "nothing-to-do" });
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect((await readEvents(store.db, { environment, after, limit: 10 })).events).toEqual([]);
  });

  test("an event that commits late is neither skipped nor overtaken", async () => {
    const { store } = given();
    const environment = anEnvironment();
    const after = await placeNow(store.db);
    const kindsAfter = async (place: string) => {
      const page = await readEvents(store.db, { environment, after: place, limit: 10 });
      return { kinds: page.events.map((event) => event.kind), next: page.next };
    };
    const between = await store.transaction(async (late) => {
      await writeEvent(late, { environment, kind: "late", data: {} });
      await writeEvent(store.db, { environment, kind: "early", data: {} });
      return kindsAfter(after);
    });
    expect(between.kinds).toEqual([]);
    expect((await kindsAfter(between.next)).kinds).toEqual(["late", "early"]);
  });

  test("a place is told from one that was forgotten, and from one that is none", async () => {
    const { store } = given();
    const environment = anEnvironment();
    const after = await placeNow(store.db);
    expect(await isPlaceKept(store.db, environment, after)).toBe(true);
    await writeEvent(store.db, { environment, kind: "first", data: {} });
    const { next } = await readEvents(store.db, { environment, after, limit: 10 });
    expect(await isPlaceKept(store.db, environment, next)).toBe(true);
    expect(await isPlaceKept(store.db, environment, "1-1")).toBe(false);
    expect(await isPlaceKept(store.db, environment, "9999999999999999999-1")).toBe(false);
    await expect(isPlaceKept(store.db, environment, "x")).rejects.toMatchObject({ code: "CURSOR_INVALID" });
  });
}
