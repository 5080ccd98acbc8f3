import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { laneSubject, queueNames } from "#common/contracts/queue.ts";
import type { Subject } from "#common/contracts/queue.ts";
import { readinessOf } from "#common/kit/health.ts";
import { createQueue } from "#common/kit/queue.ts";
import type { QueueDoor, QueueOptions } from "#common/kit/queue.ts";
import { silentLog } from "#common/kit/log.ts";
import { pollUntil } from "#common/kit/retry.ts";

/** A backend behind a cable that the suite can cut. */
export interface QueueWorld {
  readonly options: Pick<QueueOptions, "redisUrl" | "databaseUrl">;
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Makes the backend forget everything, where it can. */
  readonly forget: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

const queue = queueNames.worker;
const within = { everyMs: 10, timeoutMs: 40_000 };

/** What Slipway relies on from the bell, on whatever backend. */
export function queueContract(name: string, makeWorld: () => Promise<QueueWorld>): void {
  describe(name, () => {
    let world: QueueWorld;
    let doors: QueueDoor[] = [];
    beforeAll(async () => {
      world = await makeWorld();
    });
    afterEach(async () => {
      await Promise.all(doors.splice(0).map((door) => door.stop()));
      doors = [];
    });
    afterAll(() => world.close());

    const open = async (more: Partial<QueueOptions> = {}): Promise<QueueDoor> => {
      const door = createQueue({ ...world.options, log: silentLog, closeTimeoutMs: 2_000, ...more });
      await door.start();
      doors.push(door);
      return door;
    };

    test("a ring reaches the listener, and the trace tells both", async () => {
      const lines: string[] = [];
      const door = await open({ trace: (line) => lines.push(line) });
      const [subject, looks] = await listening(door);
      await door.ring(queue, subject);
      await looks.until(1);
      expect(lines.sort()).toEqual([`ticket ${queue} ${subject} rung`, `ticket ${queue} ${subject} taken`]);
    });

    test("500 rings while one look runs cause exactly one further look", async () => {
      const door = await open();
      const first = Promise.withResolvers<void>();
      const [subject, looks] = await listening(door, {
        look: (count) => (count === 1 ? first.promise : done),
      });
      const [marker, markers] = await listening(door);
      await door.ring(queue, subject);
      await looks.until(1);
      for (let ring = 0; ring < 10; ring += 1) {
        await Promise.all(Array.from({ length: 50 }, () => door.ring(queue, subject)));
      }
      first.resolve();
      await looks.until(2);
      // What is rung after goes to the end of the line: once it is seen, nothing of before is left.
      for (const round of [1, 2]) {
        await door.ring(queue, marker);
        await markers.until(round);
      }
      expect(looks.count()).toBe(2);
    });

    test("a subject is not looked at twice at once, and its last ring is never lost", async () => {
      const [one, two] = [await open(), await open()];
      let [wanted, seen, running, most] = [0, 0, 0, 0];
      const look = async (): Promise<void> => {
        running += 1;
        most = Math.max(most, running);
        const truth = wanted;
        await new Promise((resolve) => setImmediate(resolve));
        seen = Math.max(seen, truth);
        running -= 1;
      };
      const subject = freshSubject();
      const mine = async (rung: Subject): Promise<void> => (rung === subject ? look() : done);
      await one.listen(queue, mine, { concurrency: 4 });
      await two.listen(queue, mine, { concurrency: 4 });
      for (let round = 0; round < 100; round += 1) {
        wanted += 1;
        await Promise.all([one.ring(queue, subject), two.ring(queue, subject)]);
      }
      await pollUntil(() => seen === wanted, { ...within, what: "the last ring seen" });
      expect(most).toBe(1);
    });

    test("different subjects are looked at beside each other", async () => {
      const door = await open();
      const [a, b] = [freshSubject(), freshSubject()];
      const both = { [a]: Promise.withResolvers<void>(), [b]: Promise.withResolvers<void>() };
      const met: string[] = [];
      const look = async (subject: Subject): Promise<void> => {
        if (both[subject] === undefined) return;
        both[subject].resolve();
        await Promise.all([both[a]?.promise, both[b]?.promise]);
        met.push(subject);
      };
      await door.listen(queue, look, { concurrency: 2 });
      await Promise.all([door.ring(queue, a), door.ring(queue, b)]);
      await pollUntil(() => met.length >= 2, { ...within, what: "both looks inside" });
    });

    test("a look that fails does not stop the next", async () => {
      const door = await open();
      const [subject, looks] = await listening(door, { look: () => Promise.reject(new Error("on purpose")) });
      // A ring during a failing look counts as the same: so ring until it is seen.
      const rungTwice = async (): Promise<boolean> => {
        await door.ring(queue, subject);
        return looks.count() >= 2;
      };
      await pollUntil(rungTwice, { ...within, what: "a second look" });
    });

    test("a ring while the backend is away does not throw, and the listener recovers", async () => {
      const door = await open();
      const [subject, looks] = await listening(door);
      await door.ring(queue, subject);
      await looks.until(1);
      await world.cut();
      for (let ring = 0; ring < 5; ring += 1) await door.ring(queue, subject);
      await world.mend();
      const before = looks.count();
      const rung = async (): Promise<boolean> => {
        await door.ring(queue, subject);
        return looks.count() > before;
      };
      await pollUntil(rung, { ...within, everyMs: 100, what: "a look after the outage" });
    });

    test("its health is told while the backend is away, and once it is back", async () => {
      const { dependency } = await open();
      expect(dependency).toMatchObject({ needed: false });
      await dependency.check();
      await world.cut();
      try {
        const word = async () => (await readinessOf([dependency])).dependencies[dependency.name];
        await pollUntil(async () => (await word()) !== "ok", { ...within, what: "the queue to be away" });
      } finally {
        await world.mend();
      }
      const isBack = async () => (await readinessOf([dependency])).dependencies[dependency.name] === "ok";
      await pollUntil(isBack, { ...within, what: "the queue to be back" });
    });

    test("a queue opened while the backend is away works once it is back", async () => {
      if (world.options.redisUrl === undefined) return; // the schema must be there before anything else
      await world.cut();
      const door = await open();
      const [subject, looks] = await listening(door);
      await door.ring(queue, subject);
      await world.mend();
      const rung = async (): Promise<boolean> => {
        await door.ring(queue, subject);
        return looks.count() > 0;
      };
      await pollUntil(rung, { ...within, everyMs: 100, what: "a look after the outage" });
    });

    test("a schedule rings by itself, again and again, and comes back when it was forgotten", async () => {
      const door = await open({ upsertEveryMs: 100 });
      const [subject, looks] = await listening(door);
      await door.every(queue, subject, 250);
      await looks.until(3);
      await world.forget?.();
      await looks.until(looks.count() + 3);
    });

    test("stopping does not hang on a look that never ends", async () => {
      const door = await open({ closeTimeoutMs: 200 });
      let over = (): void => undefined;
      const endless = new Promise<void>((resolve) => (over = resolve));
      const [subject, looks] = await listening(door, { look: () => endless });
      await door.ring(queue, subject);
      await looks.until(1);
      await door.stop();
      over();
    });

    test("stopping does not hang while the backend is away", async () => {
      const door = await open({ closeTimeoutMs: 200 });
      await listening(door);
      await world.cut();
      await door.stop();
      await world.mend();
    });
  });
}

const done = Promise.resolve();

interface Looks {
  count(): number;
  until(count: number): Promise<unknown>;
}

let subjects = 0;

/** A subject that no other test has used: the suite shares one backend. */
function freshSubject(): Subject {
  subjects += 1;
  return laneSubject(`${process.pid}-${subjects}`);
}

async function listening(
  door: QueueDoor,
  { look = () => done }: { look?: (count: number) => Promise<void> } = {},
): Promise<[Subject, Looks]> {
  const subject = freshSubject();
  let count = 0;
  const mine = lookersOf(door);
  mine.set(subject, () => look((count += 1)));
  if (mine.size === 1) {
    await door.listen(queue, async (rung) => mine.get(rung)?.(), { concurrency: 1 });
  }
  return [
    subject,
    {
      count: () => count,
      until: (wanted) => pollUntil(() => count >= wanted, { ...within, what: `look number ${wanted}` }),
    },
  ];
}

const lookers = new WeakMap<QueueDoor, Map<Subject, () => Promise<void>>>();

/** All of a test's subjects share one listener, so that one order holds for them. */
function lookersOf(door: QueueDoor): Map<Subject, () => Promise<void>> {
  const known = lookers.get(door) ?? new Map<Subject, () => Promise<void>>();
  lookers.set(door, known);
  return known;
}
