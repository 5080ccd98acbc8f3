import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { writeEvent } from "#common/store/events.ts";
import { moveJob } from "#common/store/jobs.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { ageEvents } from "#support/store-ages.ts";

import { declare, oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { addToken } from "#common/store/tokens.ts";

import { hashToken } from "../../services/api/access/token-secret.ts";
import { openEvents } from "./api-events.ts";
import type { TestEvent, TestStream } from "./api-events.ts";

const path = "/v1/environments/default/events";

describe.runIf(hasPostgres())("an environment's events", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  let replica: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    box = await startApiBox({ databaseUrl, environments: oneEnvironment });
    replica = await startApiBox({ databaseUrl, environments: oneEnvironment, addTokens: false });
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.2.0" });
  });
  afterAll(async () => {
    await replica?.stop();
    await box?.stop();
    await postgres?.stop();
  });

  const open = (at: ApiBox, lastEventId?: string) =>
    openEvents(`${at.url}${path}`, {
      token: tokens.viewer,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
  const newJob = async (at: ApiBox): Promise<string> => {
    const body = { environment: "default", workloads: ["sock-shop/front-end"], images: "latest" };
    return String((await at.call("POST", "/v1/releases", { body })).body["id"]);
  };
  const end = async (id: string): Promise<void> => {
    await moveJob(box.store.db, { id, event: "nothing-to-do" });
    box.store.hint(id);
  };
  /** The next event that is one of these. */
  const nextOf = async (stream: TestStream, ...names: readonly string[]): Promise<TestEvent> => {
    for (let looked = 0; looked < 200; looked += 1) {
      const event = await stream.next();
      if (event === undefined) throw new Error("the stream ended");
      if (names.includes(event.event)) return event;
    }
    throw new Error(`none of ${names.join(", ")} came`);
  };

  test("tell a limited token of what lies in its scope alone, and of freezes of everything", async () => {
    const token = "token-of-the-shop";
    const scope = { namespaces: ["sock-shop"] };
    await addToken(box.store.db, {
      id: newUuidV7(),
      hash: hashToken(token),
      name: "shop",
      role: "viewer",
      scope,
    });
    const stream = await openEvents(`${box.url}${path}`, { token });
    expect(await stream.next()).toMatchObject({ event: "ready" });
    const body = { environment: "default", namespace: "payment" };
    const hidden = String((await box.call("POST", "/v1/syncs", { body })).body["id"]);
    await end(hidden);
    const tell = async (kind: string, data: Record<string, unknown>) =>
      box.store.transaction(async (tx) => writeEvent(tx, { environment: "default", kind, data }));
    await tell("hold.set", { workload: "payment:deployment/payment" });
    await tell("freeze.set", { namespace: "payment", reason: "stocktaking" });
    await tell("hold.set", { workload: "sock-shop:deployment/front-end" });
    await tell("freeze.set", { namespace: null, reason: "incident 42" });
    const shown = await newJob(box);
    const names = ["job", "hold.set", "freeze.set"];
    expect((await nextOf(stream, ...names)).data).toMatchObject({
      workload: "sock-shop:deployment/front-end",
    });
    expect((await nextOf(stream, ...names)).data).toMatchObject({ reason: "incident 42" });
    expect((await nextOf(stream, ...names)).data).toMatchObject({ id: shown });
    await stream.leave();
    await end(shown);
  });

  test("tell each move of a job, whichever replica took it in", async () => {
    const stream = await open(box);
    expect(await stream.next()).toMatchObject({
      event: "ready",
      data: { environment: "default", complete: false },
    });
    const id = await newJob(replica);
    expect(await nextOf(stream, "job")).toMatchObject({ data: { id, phase: "queued" } });
    await end(id);
    expect(await nextOf(stream, "job")).toMatchObject({
      data: { id, phase: "succeeded", outcome: "nothing-to-do" },
    });
    await stream.leave();
  });

  test("go on after the last one seen, at another replica, without a gap and without repeating", async () => {
    const stream = await open(box);
    await stream.next();
    const first = await newJob(box);
    const { id: seen } = await nextOf(stream, "job");
    await stream.leave();
    const second = await newJob(box);
    await end(first);
    const again = await open(replica, seen);
    expect(await again.next()).toMatchObject({ event: "ready", id: seen, data: { complete: true } });
    expect(await nextOf(again, "job")).toMatchObject({ data: { id: second, phase: "queued" } });
    expect(await nextOf(again, "job")).toMatchObject({ data: { id: first, phase: "succeeded" } });
    await again.leave();
  });

  test("a client that was away for too long is told to read anew", async () => {
    const stream = await open(box);
    const { id: seen = "" } = (await stream.next()) ?? {};
    await stream.leave();
    await ageEvents(box.store.db, "default", 30);
    await box.store.db.deleteFrom("events").execute();
    await newJob(box);
    const again = await open(box, seen);
    expect(await again.next()).toMatchObject({ event: "ready", data: { complete: false } });
    await again.leave();
  });

  test("tell which lists have changed, and what others have written", async () => {
    const stream = await open(box);
    await stream.next();
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.3.0" });
    expect(await nextOf(stream, "workloads")).toMatchObject({
      id: undefined,
      data: { changed: ["sock-shop:deployment/front-end"], more: false },
    });
    await writeEvent(box.store.db, {
      environment: "default",
      kind: "freeze.begun",
      data: { reason: "sale" },
    });
    await writeEvent(box.store.db, {
      environment: "other",
      kind: "freeze.begun",
      data: { reason: "none of ours" },
    });
    await writeEvent(box.store.db, { environment: "default", kind: "freeze.ended", data: {} });
    expect(await nextOf(stream, "freeze.begun")).toMatchObject({ data: { reason: "sale" } });
    expect((await nextOf(stream, "freeze.begun", "freeze.ended")).event).toBe("freeze.ended");
    await stream.leave();
  });

  test("are refused for what is no place, no environment or no token", async () => {
    const ask = async (at: string, headers: Record<string, string>) => {
      const authorization = `Bearer ${tokens.viewer}`;
      const response = await fetch(`${box.url}${at}`, { headers: { authorization, ...headers } });
      return (await response.json()) as object;
    };
    expect(await ask(path, { "last-event-id": "12" })).toMatchObject({ status: 400, code: "CURSOR_INVALID" });
    expect(await ask("/v1/environments/moon/events", {})).toMatchObject({ code: "ENVIRONMENT_NOT_FOUND" });
    expect(await ask(path, { authorization: "Bearer x" })).toMatchObject({ status: 401 });
  });

  test("fifty followers hear the same, and leave nothing behind", async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, () => open(box)));
    const id = await newJob(box);
    const heard = await Promise.all(streams.map((stream) => nextOf(stream, "job")));
    expect(heard.every((event) => (event.data as { id: string }).id === id)).toBe(true);
    expect(new Set(heard.map((event) => event.id)).size).toBe(1);
    await Promise.all(streams.map((stream) => stream.leave()));
    const more = await Promise.all(Array.from({ length: 90 }, () => open(box)));
    await Promise.all(more.map((stream) => stream.leave()));
  });
});
