import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import { imageFingerprints, repositoryFacts } from "#common/store/image-facts.ts";
import { recordScanFailure } from "#common/store/image-pace.ts";
import {
  imagesOf,
  recordListing,
  removeTag,
  saveManifest,
  saveManifests,
  setTagDigest,
  setTagDigests,
  undescribed,
  wantRepositories,
} from "#common/store/images.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { makeOlder } from "#support/store-tricks.ts";
import type { StoreWorld } from "#support/store-world.ts";

import { createImageBoard } from "../../services/api/image-board.ts";

/** Images as lists need them: little of each, and whether anything moved since. */
export function imageFactsContract(given: () => StoreWorld): void {
  const aRepository = async (): Promise<string> => {
    const key = `registry.example/${randomUUID()}`;
    await wantRepositories(given().store.db, [key]);
    return key;
  };
  const scan = (key: string, tags: readonly { tag: string; digest?: string }[]) =>
    recordListing(given().store.db, { key, etag: null, complete: true, tags });
  const describeImage = (digest: string, kind = "image", created?: null) =>
    saveManifest(given().store.db, {
      digest,
      media_type: "m",
      kind,
      created_at: created === null ? null : new Date("2026-01-05T10:00:00.123Z"),
      created_from: created === null ? null : "config",
      platforms: kind === "image" ? ["linux/amd64"] : [],
      labels: {},
    });

  test("what digests say of themselves is kept many at a time, and the first word of each stays", async () => {
    const { store } = given();
    const key = await aRepository();
    const digests = ["c", "a", "b"].map((letter) => `${key}@${letter}`);
    const row = (digest: string | undefined, kind: string) => ({
      digest: digest ?? "",
      media_type: "m",
      kind,
      platforms: [],
      labels: {},
    });
    await saveManifests(store.db, []);
    await saveManifest(store.db, row(digests[1], "artifact"));
    expect(await undescribed(store.db, [])).toEqual(new Set());
    expect(await undescribed(store.db, [...digests, ...digests])).toEqual(new Set([digests[0], digests[2]]));
    await saveManifests(
      store.db,
      [...digests, ...digests].map((digest) => row(digest, "image")),
    );
    expect(await undescribed(store.db, digests)).toEqual(new Set());
    await setTagDigests(store.db, key, []);
    const tags = digests.map((digest, at) => ({ tag: `${at}`, digest }));
    await setTagDigests(store.db, key, tags);
    const images = (await imagesOf(store.db, [key])).get(key)?.images ?? [];
    const kinds = Object.fromEntries(images.map(({ tag, kind }) => [tag, kind]));
    expect(kinds).toEqual({ 0: "image", 1: "artifact", 2: "image" });
  });

  describe("image facts", () => {
    test("tell of a repository that was never listed whether that was tried, and notice when it was", async () => {
      const { store } = given();
      const key = await aRepository();
      const facts = async () => (await repositoryFacts(store.db, [key])).get(key);
      const print = async () => (await imageFingerprints(store.db, [key]))[0]?.print;
      const before = await print();
      expect(await facts()).toEqual({ scanned: false, images: [] });
      const problem = { code: "REGISTRY_AUTH_FAILED", title: "t", detail: null, hint: null };
      const row = { key, asked_at: null, claimed_by: null };
      await recordScanFailure(store.db, { row, problem, intervalMs: 1, reason: "unreadable", nextDueMs: 1 });
      expect(await facts()).toEqual({ scanned: false, unreadable: true, images: [] });
      expect(await print()).not.toBe(before);
      await scan(key, [{ tag: "1" }]);
      expect(await facts()).toMatchObject({ scanned: true, images: [{ tag: "1" }] });
      expect(await facts()).not.toHaveProperty("unreadable");
    });

    test("are tags with what is known of them, and whether they were ever listed", async () => {
      const { store } = given();
      const [key, unread] = [await aRepository(), await aRepository()];
      await scan(key, [{ tag: "1", digest: `${key}@1` }, { tag: "2" }]);
      await describeImage(`${key}@1`);
      const facts = await repositoryFacts(store.db, [key, unread, "registry.example/never"]);
      expect(facts.get(key)?.scanned).toBe(true);
      expect(facts.get(key)?.images.toSorted((a, b) => (a.tag < b.tag ? -1 : 1))).toEqual([
        {
          tag: "1",
          digest: `${key}@1`,
          createdAt: new Date("2026-01-05T10:00:00.123Z"),
          createdFrom: "config",
          platforms: ["linux/amd64"],
          firstSeenAt: expect.any(Date),
        },
        { tag: "2", firstSeenAt: expect.any(Date) },
      ]);
      expect(facts.get(unread)).toEqual({ scanned: false, images: [] });
      expect(facts.has("registry.example/never")).toBe(false);
    });

    test("tell when an image without a date was seen to appear or to move, after the first list alone", async () => {
      const { store } = given();
      const key = await aRepository();
      const digests = (of: Record<string, string>) =>
        Object.entries(of).map(([tag, digest]) => ({ tag, digest: `${key}@${digest}` }));
      const seen = async () => {
        const facts = (await repositoryFacts(store.db, [key])).get(key)?.images ?? [];
        const rows = (await imagesOf(store.db, [key])).get(key)?.images ?? [];
        const told = new Map(facts.map((image) => [image.tag, image.seenAt]));
        for (const { tag, seenAt } of rows) expect(told.get(tag)?.getTime()).toBe(seenAt?.getTime());
        return Object.fromEntries([...told].map(([tag, at]) => [tag, at !== undefined]));
      };
      for (const digest of ["a", "b", "c"]) await describeImage(`${key}@${digest}`, "image", null);
      await describeImage(`${key}@dated`);
      await scan(key, digests({ first: "a", twin: "b" }));
      expect(await seen()).toEqual({ first: false, twin: false });
      await makeOlder(store.db, key);
      await scan(key, [...digests({ first: "a", late: "b", dated: "dated" }), { tag: "unread" }]);
      expect(await seen()).toEqual({ first: false, late: true, dated: false, unread: false });
      await setTagDigest(store.db, { key, tag: "first", digest: `${key}@c` });
      expect(await seen()).toMatchObject({ first: true, late: true });
    });

    test("leave out what is no image", async () => {
      const { store } = given();
      const key = await aRepository();
      await scan(key, [
        { tag: "1", digest: `${key}@1` },
        { tag: "chart", digest: `${key}@chart` },
      ]);
      await describeImage(`${key}@1`);
      await describeImage(`${key}@chart`, "artifact");
      expect((await repositoryFacts(store.db, [key])).get(key)?.images).toMatchObject([{ tag: "1" }]);
      expect(await imageFingerprints(store.db, [key])).toMatchObject([{ unread: 0 }]);
    });

    test("tell of a tag that moved when it did, and of a list what is not known of it", async () => {
      const { store } = given();
      const key = await aRepository();
      await scan(key, [{ tag: "1", digest: `${key}@1` }, { tag: "2" }]);
      await describeImage(`${key}@1`);
      const print = async () => (await imageFingerprints(store.db, [key]))[0];
      expect(await print()).toMatchObject({ complete: true, unread: 1 });
      await scan(key, [{ tag: "1", digest: `${key}@2` }]);
      const moved = (await repositoryFacts(store.db, [key])).get(key)?.images;
      expect(moved).toMatchObject([{ tag: "1", digest: `${key}@2`, movedAt: expect.any(Date) }]);
    });

    test("have another fingerprint after every change, and the same after a scan that found nothing new", async () => {
      const { store } = given();
      const key = await aRepository();
      const print = async () => (await imageFingerprints(store.db, [key]))[0]?.print;
      const seen = new Set([await print()]);
      const changes = [
        () => scan(key, [{ tag: "1" }]),
        () => scan(key, [{ tag: "1" }, { tag: "2" }]),
        () => setTagDigest(store.db, { key, tag: "1", digest: `${key}@1` }),
        () => describeImage(`${key}@1`),
        () => setTagDigest(store.db, { key, tag: "1", digest: `${key}@2` }),
        () => scan(key, [{ tag: "1" }, { tag: "3" }]),
        () => removeTag(store.db, { key, tag: "3" }),
      ];
      for (const [at, change] of changes.entries()) {
        await change();
        const now = await print();
        expect(seen.has(now), `change ${at}`).toBe(false);
        seen.add(now);
      }
      await scan(key, [{ tag: "1" }]);
      expect(seen.has(await print())).toBe(true);
    });

    test("are kept, told with their age, and read anew before they are old", async () => {
      const { store } = given();
      const clock = createFakeClock();
      const board = createImageBoard({ store, clock, log: silentLog });
      const key = await aRepository();
      await scan(key, [{ tag: "1" }]);
      const first = await board.read([key]);
      expect([first.ageMs, first.entries.get(key)?.images.length]).toEqual([0, 1]);
      await scan(key, [{ tag: "1" }, { tag: "2" }]);
      await clock.advance(900);
      const young = await board.read([key]);
      expect([young.ageMs, young.entries]).toEqual([900, first.entries]);
      await clock.advance(5_000);
      const later = await board.read([key]);
      expect([later.ageMs, later.entries.get(key)?.images.length]).toEqual([0, 2]);
      await scan(key, [{ tag: "1" }, { tag: "2" }]);
      await clock.advance(6_000);
      expect((await board.read([key])).entries.get(key)).toBe(later.entries.get(key));
      const other = await aRepository();
      expect((await board.read([key, other])).entries.get(other)).toMatchObject({ scanned: false });
    });
  });
}
