import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import { imageFingerprints, repositoryFacts } from "#common/store/image-facts.ts";
import {
  recordListing,
  removeTag,
  saveManifest,
  setTagDigest,
  wantRepositories,
} from "#common/store/images.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
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
  const describeImage = (digest: string) =>
    saveManifest(given().store.db, {
      digest,
      media_type: "m",
      kind: "image",
      created_at: new Date("2026-01-05T10:00:00.123Z"),
      created_from: "config",
      platforms: [],
      labels: {},
    });

  describe("image facts", () => {
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
          firstSeenAt: expect.any(Date),
        },
        { tag: "2", firstSeenAt: expect.any(Date) },
      ]);
      expect(facts.get(unread)).toEqual({ scanned: false, images: [] });
      expect(facts.has("registry.example/never")).toBe(false);
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
