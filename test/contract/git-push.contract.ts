import { describe, expect, test } from "vitest";

import { branchRef, laneRef, webFile } from "./git-rig.ts";
import type { GitRig } from "./git-rig.ts";

/** What a push may answer, and what the refs hold afterwards (CORRECTNESS 5a to 5c). */
export function gitPushContract(rig: GitRig): void {
  describe("pushing", () => {
    test("a push lands branch and lane together, with message, author and dates as drafted", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      expect(await cache.push(attempt)).toEqual({ kind: "landed" });
      expect(await rig.refsNow()).toEqual({ branch: attempt.tip, lane: attempt.laneNew });
      const [newest] = await rig.host().log(rig.name(), "main");
      expect(newest).toMatchObject({
        sha: attempt.tip,
        subject: "Release web",
        body: "Release-Job: job-1",
        author: "Ada",
        parents: [attempt.base],
        date: new Date("2026-11-25T10:00:05Z"),
      });
      expect(String(await rig.host().readFile(rig.name(), "main", webFile))).toBe("image: web:2\n");
    });

    test("the very same push again is still landed", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      await cache.push(attempt);
      expect(await cache.push(attempt)).toEqual({ kind: "landed" });
    });

    test("a worker that never read the old files pushes with two requests all the same", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      const before = rig.host().requests().length;
      expect(await cache.push(attempt)).toEqual({ kind: "landed" });
      expect(rig.host().requests().length - before).toBe(2);
    });

    test("a moved branch moves neither ref", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      const other = await rig
        .host()
        .commitDirectly(rig.name(), { x: "1" }, { branch: "main", message: "Other" });
      expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
      expect(await rig.refsNow()).toEqual({ branch: other, lane: attempt.laneOld });
    });

    test("a branch that was rewound is not brought back", async () => {
      const cache = rig.open();
      const first = await cache.fetchTip();
      await rig.host().commitDirectly(rig.name(), { x: "1" }, { branch: "main", message: "Removed later" });
      const attempt = await rig.prepare(cache);
      await rig.host().moveRef(rig.name(), branchRef, first);
      expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
      expect((await rig.refsNow()).branch).toBe(first);
    });

    test("a branch that moves during the push moves neither ref", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      let other = "";
      rig.host().beforeNext("git-receive-pack", async () => {
        other = await rig.host().commitDirectly(rig.name(), { x: "1" }, { branch: "main", message: "Other" });
      });
      expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
      expect(await rig.refsNow()).toEqual({ branch: other, lane: attempt.laneOld });
    });

    test("a lane that moved stops the push, also when the branch is where it was", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      const fresh = await cache.writeLaneValue("sealed");
      expect(await cache.seal(laneRef, { old: attempt.laneOld, fresh })).toEqual({ kind: "landed" });
      expect(await cache.push(attempt)).toMatchObject({ kind: "moved" });
      expect(await rig.refsNow()).toEqual({ branch: attempt.base, lane: fresh });
    });

    test.each(["pre-receive", "update"])("a %s hook refuses with its words", async (hook) => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      await rig.host().setHook(rig.name(), hook, 'echo "Releases are frozen until Monday." >&2; exit 1');
      const answer = await cache.push(attempt);
      expect(answer).toMatchObject({ kind: "refused", explicit: true });
      expect(answer).toHaveProperty("detail", expect.stringContaining("Releases are frozen until Monday."));
      expect(await rig.refsNow()).toEqual({ branch: attempt.base, lane: attempt.laneOld });
    });

    test.each(["close", "503", "401"] as const)(
      "an answer lost after the act (%s) is unknown, and both refs are moved",
      async (kind) => {
        const cache = rig.open();
        const attempt = await rig.prepare(cache);
        rig.host().failNext({ when: "after", kind, service: "git-receive-pack" });
        expect(await cache.push(attempt)).toMatchObject({ kind: "unknown" });
        expect(await rig.refsNow()).toEqual({ branch: attempt.tip, lane: attempt.laneNew });
      },
    );

    test("a host that hangs after the act is left at the deadline: unknown", async () => {
      const cache = rig.open({ pushTimeoutMs: 1_500 });
      const attempt = await rig.prepare(cache);
      rig.host().failNext({ when: "after", kind: "hang", service: "git-receive-pack" });
      expect(await cache.push(attempt)).toMatchObject({ kind: "unknown" });
      expect(await rig.refsNow()).toEqual({ branch: attempt.tip, lane: attempt.laneNew });
    });

    test("a connection cut at the act is unknown, and nothing moved", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      rig.host().failNext({ when: "before", kind: "close", service: "git-receive-pack", at: "rpc" });
      expect(await cache.push(attempt)).toMatchObject({ kind: "unknown" });
      expect(await rig.refsNow()).toEqual({ branch: attempt.base, lane: attempt.laneOld });
    });

    test.each([
      ["401", "GIT_AUTH_FAILED"],
      ["403", "GIT_AUTH_FAILED"],
      ["503", "GIT_UNAVAILABLE"],
      ["close", "GIT_UNAVAILABLE"],
    ] as const)("a host that answers %s before the act is failed with %s", async (kind, code) => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      rig.host().failNext({ when: "before", kind, service: "git-receive-pack" });
      expect(await cache.push(attempt)).toMatchObject({ kind: "failed", code });
      expect(await rig.refsNow()).toEqual({ branch: attempt.base, lane: attempt.laneOld });
    });

    test("of four equal pushes at once exactly one lands", async () => {
      const first = await rig.prepare(rig.open());
      const workers = ["a", "b", "c", "d"].map((worker) => rig.open({ worker }));
      const attempts = await Promise.all(workers.map((cache) => rig.prepare(cache)));
      const answers = await Promise.all(workers.map((cache, index) => cache.push(attempts[index] ?? first)));
      expect(answers.map((answer) => answer.kind).toSorted()).toEqual(["landed", "moved", "moved", "moved"]);
      const now = await rig.refsNow();
      const winner = attempts[answers.findIndex((answer) => answer.kind === "landed")];
      expect(now).toEqual({ branch: winner?.tip, lane: winner?.laneNew });
    });

    test("a late copy of a push does nothing once the lane was sealed", async () => {
      const [cache, rescuer] = [rig.open(), rig.open({ worker: "w2" })];
      const attempt = await rig.prepare(cache);
      const reached = signal();
      const released = signal();
      const leaving = new AbortController();
      rig.host().beforeNext("git-receive-pack", async () => {
        reached.fire();
        await released.fired;
      });
      const pushing = cache.push(attempt, leaving.signal);
      await reached.fired;
      leaving.abort();
      expect(await pushing).toMatchObject({ kind: "unknown" });
      const fresh = await rescuer.writeLaneValue("sealed");
      expect(await rescuer.seal(laneRef, { old: attempt.laneOld, fresh })).toEqual({ kind: "landed" });
      released.fire();
      await rig.host().idle();
      expect(await rig.refsNow()).toEqual({ branch: attempt.base, lane: fresh });
    });

    test("a late copy of a push lands where nobody sealed the lane", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      const reached = signal();
      const released = signal();
      const leaving = new AbortController();
      rig.host().beforeNext("git-receive-pack", async () => {
        reached.fire();
        await released.fired;
      });
      const pushing = cache.push(attempt, leaving.signal);
      await reached.fired;
      leaving.abort();
      expect(await pushing).toMatchObject({ kind: "unknown" });
      released.fire();
      await rig.host().idle();
      expect(await rig.refsNow()).toEqual({ branch: attempt.tip, lane: attempt.laneNew });
    });
  });

  describe("the lane ref", () => {
    test("is created once: a second creation finds it moved", async () => {
      const cache = rig.open();
      await cache.fetchTip();
      const [one, two] = [await cache.writeLaneValue("one"), await cache.writeLaneValue("one")];
      expect(one).not.toBe(two);
      expect(await cache.createLaneRef(laneRef, one)).toEqual({ kind: "landed" });
      expect(await cache.createLaneRef(laneRef, two)).toMatchObject({ kind: "moved" });
      expect(await cache.lsRemote([laneRef, branchRef, "refs/heads/absent"])).toEqual(
        new Map([
          [laneRef, one],
          [branchRef, (await rig.refsNow()).branch],
        ]),
      );
    });

    test("is sealed only from the value that is expected", async () => {
      const cache = rig.open();
      const attempt = await rig.prepare(cache);
      const fresh = await cache.writeLaneValue("sealed");
      const stale = await cache.writeLaneValue("never was there");
      expect(await cache.seal(laneRef, { old: stale, fresh })).toMatchObject({ kind: "moved" });
      expect((await rig.refsNow()).lane).toBe(attempt.laneOld);
    });
  });
}

function signal(): { fire: () => void; fired: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { fire: resolve, fired: promise };
}
