import { createHmac } from "node:crypto";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { settings as settingsSchema } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { moveJob } from "#common/store/jobs.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { startReceiver } from "#support/receiver.ts";
import type { TestReceiver } from "#support/receiver.ts";
import { createStoreWorld } from "#support/store-world.ts";
import type { StoreWorld } from "#support/store-world.ts";

import { createNotifier } from "../../services/release-worker/notify/notifier.ts";
import { oneEnvironment, startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

const secret = "a secret of the receiver";

describe.runIf(hasPostgres())("notifications", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  let world: StoreWorld;
  let receiver: TestReceiver;
  let other: TestReceiver;
  let environment = "";
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
    world = createStoreWorld(box.store);
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(async () => {
    [receiver, other] = [await startReceiver(), await startReceiver()];
    environment = `env-${newUuidV7().slice(-8)}`;
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await receiver.stop();
    await other.stop();
  });

  const settingsOf = (receivers: readonly object[]) =>
    settingsSchema.parse({
      environments: oneEnvironment,
      notifications: receivers.map((one) => ({
        environments: [environment],
        secretEnv: "HOOK",
        reach: "anywhere",
        ...one,
      })),
    });
  const notify = async (...receivers: readonly object[]): Promise<void> => {
    const notifier = createNotifier({
      settings: settingsOf(receivers),
      store: box.store,
      log: silentLog,
      clock: systemClock,
      newId: newUuidV7,
      secretOf: () => secret,
      pauseMs: () => 1,
    });
    await notifier.start();
    stops.push(async () => notifier.stop?.());
  };
  const aJob = async (...events: Parameters<typeof moveJob>[1]["event"][]): Promise<string> => {
    const { id } = await world.aJob({ environment });
    for (const event of events) await moveJob(box.store.db, { id, event });
    return id;
  };
  const until = (fits: () => boolean | Promise<boolean>) =>
    pollUntil(async () => fits(), { everyMs: 20, timeoutMs: 30_000, what: "the notification" });
  const typesOf = (from: TestReceiver, id: string) =>
    from.received.filter(({ json }) => json.job.id === id).map(({ json }) => json.type);
  const all = ["job.queued", "job.writing", "job.succeeded"];

  test("each move is told in order, signed so that a receiver can check it", async () => {
    const id = await aJob("taken-by-lane", "nothing-to-do");
    await notify({ name: "one", url: receiver.url });
    await until(() => receiver.received.length === 3);
    expect(typesOf(receiver, id)).toEqual(all);
    expect(receiver.received.at(-1)?.json.job).toMatchObject({
      id,
      phase: "succeeded",
      outcome: "nothing-to-do",
    });
    for (const { headers, body } of receiver.received) {
      const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
      const expected = createHmac("sha256", secret).update(signed).digest("base64");
      expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
    }
  });

  test("only what a receiver wants is told to it", async () => {
    await notify(
      { name: "ends", url: receiver.url, events: ["job.succeeded", "job.failed"] },
      { name: "all", url: other.url },
    );
    const id = await aJob("taken-by-lane", "nothing-to-do");
    await until(() => other.received.length === 3);
    await until(() => receiver.received.length === 1);
    expect(typesOf(receiver, id)).toEqual(["job.succeeded"]);
  });

  test("a receiver that fails is tried again under the same id, and what came later waits", async () => {
    let refused = 0;
    receiver.answer = (response) => {
      refused += 1;
      response.writeHead(refused <= 3 ? 500 : 204).end();
    };
    await notify({ name: "one", url: receiver.url });
    const id = await aJob("taken-by-lane", "nothing-to-do");
    await until(() => receiver.received.length === 6);
    expect(typesOf(receiver, id)).toEqual(["job.queued", "job.queued", "job.queued", ...all]);
    expect(new Set(receiver.received.slice(0, 4).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  test("one receiver that hangs holds up no other", async () => {
    receiver.answer = () => undefined;
    await notify({ name: "hangs", url: receiver.url }, { name: "well", url: other.url });
    const ids = [await aJob("nothing-to-do"), await aJob("nothing-to-do"), await aJob("nothing-to-do")];
    await until(() => ids.every((id) => typesOf(other, id).length === 2));
    expect(receiver.received.length).toBeGreaterThan(0);
  });

  test("a redirect is not followed, and counts as a failure", async () => {
    receiver.answer = (response) => void response.writeHead(307, { location: other.url }).end();
    await notify({ name: "one", url: receiver.url, events: ["job.succeeded"] });
    await aJob("nothing-to-do");
    await until(() => receiver.received.length >= 2);
    expect(other.received).toEqual([]);
  });

  const dead = async (name: string) => {
    const { body } = await box.call("GET", `/v1/notifications/deliveries?state=dead&receiver=${name}`);
    return body["deliveries"] as { id: string; problem: string; attempts: number }[];
  };

  test("one that is given up is listed with its reason, and sent again when somebody says so", async () => {
    receiver.answer = (response) => void response.writeHead(410).end();
    await notify({ name: "gone", url: receiver.url, events: ["job.succeeded"] });
    const id = await aJob("nothing-to-do");
    await until(async () => (await dead("gone")).length === 1);
    const [given] = await dead("gone");
    expect(given).toMatchObject({
      problem: "it answered 410",
      attempts: 1,
      subject: id,
      event: "job.succeeded",
    });
    receiver.answer = (response) => void response.writeHead(200).end();
    const again = await box.call("POST", `/v1/notifications/deliveries/${given?.id}/redeliver`);
    expect(again).toMatchObject({ status: 202, body: { state: "pending", attempts: 0 } });
    await until(() => receiver.received.length === 2);
    expect(receiver.received[1]?.headers["webhook-id"]).toBe(given?.id);
    await until(async () => (await dead("gone")).length === 0);
    expect((await box.call("POST", `/v1/notifications/deliveries/${newUuidV7()}/redeliver`)).status).toBe(
      404,
    );
    expect((await box.call("POST", "/v1/notifications/deliveries/x/redeliver")).status).toBe(404);
  });

  test("is given up after fifteen tries", async () => {
    receiver.answer = (response) => void response.writeHead(503).end();
    await notify({ name: "down", url: receiver.url, events: ["job.succeeded"] });
    await aJob("nothing-to-do");
    await until(async () => (await dead("down")).length === 1);
    expect(receiver.received).toHaveLength(15);
  });

  test("an address of this machine is refused unless the settings mean it", async () => {
    const named = receiver.url.replace("127.0.0.1", "localhost");
    const events = ["job.succeeded"];
    await notify(
      { name: "near", url: receiver.url, reach: "private", events },
      { name: "named", url: named, reach: "public", events },
    );
    await aJob("nothing-to-do");
    await until(async () => (await dead("near")).length === 1 && (await dead("named")).length === 1);
    expect((await dead("near"))[0]?.problem).toContain("127.0.0.1 is a loopback address");
    expect((await dead("named"))[0]?.problem).toContain("loopback");
    expect(receiver.received).toEqual([]);
  });

  test("two workers tell of each move at least once, in order", async () => {
    await notify({ name: "one", url: receiver.url });
    await notify({ name: "one", url: receiver.url });
    const ids = await Promise.all(Array.from({ length: 20 }, () => aJob("taken-by-lane", "nothing-to-do")));
    await until(() => ids.every((id) => typesOf(receiver, id).length === 3));
    for (const id of ids) expect(typesOf(receiver, id)).toEqual(all);
  });

  test("pages of deliveries are whole, and a forged cursor is refused", async () => {
    const seen: string[] = [];
    let path: string | undefined = "/v1/notifications/deliveries?limit=7";
    for (let page = 0; page < 100 && path !== undefined; page += 1) {
      const { body, headers } = await box.call("GET", path);
      seen.push(...(body["deliveries"] as { id: string }[]).map(({ id }) => id));
      path = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(60);
    for (const cursor of [
      "MQ",
      "x",
      Buffer.from("1 not-a-uuid-but-thirty-six-chars-long").toString("base64url"),
    ]) {
      const answer = await box.call("GET", `/v1/notifications/deliveries?cursor=${cursor}`);
      expect(answer.body).toMatchObject({ status: 400, code: "CURSOR_INVALID" });
    }
  });
});
