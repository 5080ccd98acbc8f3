import { describe, expect, test } from "vitest";
import { newUuidV7 } from "#common/kit/uuid.ts";
import * as images from "#common/store/images.ts";
import { claimImageWaits } from "#common/store/image-hints.ts";
import { ensureLane } from "#common/store/lanes.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import { hasDockerRegistry, startDockerRegistry } from "#support/docker-registry.ts";
import { hasPostgres } from "#support/postgres.ts";
import { pushImage, pushTag } from "#support/push-image.ts";
import { letWaitForImages, makeOlder } from "#support/store-tricks.ts";
import {
  builtAt,
  cart,
  fill,
  frontEnd,
  hosts,
  repositoryOf,
  scanDue,
  scanNow,
  useScannerWorld,
} from "./scanner-world.ts";

const realRegistry = await hasDockerRegistry();

describe.runIf(hasPostgres())("the registry scanner", () => {
  const { aStore, aScanner, aWorld, onEnd } = useScannerWorld();

  test("tags with their dates, digests and platforms end up in the store", async () => {
    const { store, registry, scanner } = await aWorld();
    const digest = registry.addImage("shop/front-end", "0.3.1", { createdAt: builtAt });
    await images.wantRepositories(store.db, [frontEnd]);
    await scanDue(scanner);
    const known = await repositoryOf(store, frontEnd);
    expect(known).toMatchObject({ complete: true, problem: null, failures: 0 });
    expect(known.scanned_at).toBeInstanceOf(Date);
    expect(known.images).toMatchObject([
      { tag: "0.3.1", digest, createdAt: builtAt, createdFrom: "config", platforms: ["linux/amd64"] },
    ]);
  });

  test("an image of three tags is described once", async () => {
    const { store, registry, scanner } = await aWorld();
    registry.addImage("shop/front-end", "0.3.1", { createdAt: builtAt });
    registry.retag("shop/front-end", "0.3.1", "0.3");
    registry.retag("shop/front-end", "0.3.1", "latest");
    await images.wantRepositories(store.db, [frontEnd]);
    await scanDue(scanner);
    expect(registry.requests()).toMatchObject({
      tags: 1,
      manifestHead: 2,
      manifestGet: 1,
      blob: 1,
      total: 5,
    });
    const dates = (await repositoryOf(store, frontEnd)).images.map((image) => image.createdAt);
    expect(dates).toEqual([builtAt, builtAt, builtAt]);
  });

  test("where many tags are other names of images, the rest are asked for their digests first", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 30);
    for (let at = 0; at < 30; at += 1) registry.retag("shop/front-end", `1.0.${at}`, `v1.0.${at}`);
    const { images: known } = await scanner.refresh(frontEnd);
    expect(known.filter(({ createdAt }) => createdAt !== null)).toHaveLength(60);
    expect(registry.requests()).toMatchObject({ tags: 1, manifestGet: 50, manifestHead: 10, blob: 30 });
    expect(await images.missingManifests(store.db, frontEnd)).toEqual([]);
  });

  test("an image that another repository has is not described again", async () => {
    const { store, registry, scanner } = await aWorld();
    const fillAlike = (repository: string): void => {
      for (let at = 0; at < 20; at += 1) {
        registry.addImage(repository, `1.0.${at}`, { createdAt: builtAt, digestSeed: `${at}` });
      }
    };
    fillAlike("shop/front-end");
    await scanNow(store, scanner, frontEnd);
    fillAlike("shop/released");
    registry.resetRequests();
    await scanner.refresh(`${hosts.shop}/shop/released`);
    expect(registry.requests()).toMatchObject({ tags: 1, manifestGet: 20, blob: 0 });
    expect(await images.missingManifests(store.db, `${hosts.shop}/shop/released`)).toEqual([]);
  });

  test("a second scan costs one request and no description", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 20);
    await scanNow(store, scanner, frontEnd);
    registry.resetRequests();
    await scanNow(store, scanner, frontEnd);
    expect(registry.requests()).toMatchObject({ tags: 1, total: 1 });
  });

  test("a new tag is there after a refresh of at most three requests", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 5);
    await scanNow(store, scanner, frontEnd);
    registry.addImage("shop/front-end", "9.0.0", { createdAt: builtAt, digestSeed: "new" });
    registry.resetRequests();
    const answer = await scanner.refresh(frontEnd);
    expect(answer.images.find(({ tag }) => tag === "9.0.0")?.createdAt).toEqual(builtAt);
    expect(registry.requests().total).toBeLessThanOrEqual(3);
  });

  test("refreshes of one repository at the same time are merged", async () => {
    const { registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    const answers = await Promise.all(Array.from({ length: 20 }, () => scanner.refresh(frontEnd)));
    expect(answers.every((answer) => answer.images.length === 3)).toBe(true);
    expect(registry.requests().tags).toBeLessThanOrEqual(2);
  });

  test("a named tag is found the moment it was pushed, by one request, and by none afterwards", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    await scanNow(store, scanner, frontEnd);
    const digest = registry.addImage("shop/front-end", "new", { createdAt: builtAt, digestSeed: "new" });
    registry.resetRequests();
    const look = await scanner.refreshTag(frontEnd, "new");
    expect(look).toMatchObject({ found: true, problem: null });
    const added = async () => (await repositoryOf(store, frontEnd)).images.find(({ tag }) => tag === "new");
    expect(await added()).toMatchObject({ digest, createdAt: null });
    expect((await scanner.refreshTag(frontEnd, "new")).found).toBe(true);
    expect((await scanner.refreshTag(frontEnd, digest)).found).toBe(true);
    expect(registry.requests().total).toBe(1);
    // It is due at once: a scan reads the rest of it.
    await scanDue(scanner);
    expect(await added()).toMatchObject({ digest, createdAt: builtAt });
  });

  test("a tag of a repository that nobody scanned yet is read with its date", async () => {
    const { registry, scanner } = await aWorld();
    const digest = registry.addImage("shop/front-end", "new", { createdAt: builtAt });
    const { found, repository } = await scanner.refreshTag(frontEnd, "new");
    expect(found).toBe(true);
    expect(repository.images).toMatchObject([{ tag: "new", digest, createdAt: builtAt }]);
  });

  test("a tag or digest that does not exist is not found", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 3);
    await scanNow(store, scanner, frontEnd);
    expect(await scanner.refreshTag(frontEnd, "nope")).toMatchObject({ found: false, problem: null });
    const digest = `sha256:${"0".repeat(64)}`;
    expect(await scanner.refreshTag(frontEnd, digest)).toMatchObject({ found: false });
    const absent = await scanner.refreshTag(`${hosts.shop}/absent`, "1");
    expect(absent).toMatchObject({ found: false, problem: { code: "REGISTRY_NOT_FOUND" } });
  });

  test("a moved tag gets its new digest, its description and the time of the move", async () => {
    const { store, registry, scanner } = await aWorld({ rhythm: { everyScans: 2, everyMs: 3_600_000 } });
    registry.addImage("shop/front-end", "stable", { createdAt: builtAt });
    await scanNow(store, scanner, frontEnd);
    const digest = registry.addImage("shop/front-end", "stable", { createdAt: builtAt, digestSeed: "moved" });
    await scanNow(store, scanner, frontEnd);
    const [image] = (await repositoryOf(store, frontEnd)).images;
    expect(image).toMatchObject({ digest, createdAt: builtAt, movedAt: expect.any(Date) });
  });

  test("an image of a reproducible build goes by when it was pushed, once its repository is known", async () => {
    const { store, registry, scanner } = await aWorld();
    const zero = new Date("1970-01-01T00:00:00Z");
    registry.addImage("shop/front-end", "a1b2", { createdAt: zero, digestSeed: "before us" });
    await scanNow(store, scanner, frontEnd);
    await makeOlder(store.db, frontEnd);
    registry.addImage("shop/front-end", "0c9d", { createdAt: zero, digestSeed: "news" });
    await scanNow(store, scanner, frontEnd);
    const { images: found } = await repositoryOf(store, frontEnd);
    const told = Object.fromEntries(found.map((image) => [image.tag, image]));
    expect(told["a1b2"]).toMatchObject({ createdAt: null, seenAt: null, firstSeenAt: expect.any(Date) });
    expect(told["0c9d"]).toMatchObject({ createdAt: null, seenAt: told["0c9d"]?.firstSeenAt });
  });

  test("tags beyond what one scan reads are read by later ones", async () => {
    const { store, registry, scanner } = await aWorld();
    // Nothing but the date tells which of these is the newest.
    for (let index = 0; index < 230; index += 1) {
      registry.addImage("shop/front-end", `c${index}d`, { createdAt: builtAt, digestSeed: `${index}` });
    }
    await scanNow(store, scanner, frontEnd);
    expect(await images.missingManifests(store.db, frontEnd)).toHaveLength(30);
    await scanNow(store, scanner, frontEnd);
    expect(await images.missingManifests(store.db, frontEnd)).toHaveLength(0);
  });

  test("a scan that brings a tag wakes the job that waits for it, and no other", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 2);
    const lane = { id: "lane", url: "https://git.example.com/shop.git", branch: "main", laneRef: "refs/x" };
    await ensureLane(store.db, lane);
    const revision = await saveSettingsRevision(store.db, {});
    const wait = async (image: string): Promise<string> => {
      const id = newUuidV7();
      const spec = { kind: "release", workloads: [], all: true, exclude: [], images: { exact: [image] } };
      const job = { id, kind: "release", environment: "default", lane_id: "lane", phase: "queued" } as const;
      const rest = { priority: 1, origin: "manual", headline: "", requested_by: "tester" } as const;
      const more = { settings_revision: revision, spec: JSON.stringify(spec) };
      await store.db
        .insertInto("jobs")
        .values({ ...job, ...rest, ...more })
        .execute();
      return id;
    };
    const awaited = await wait(`${frontEnd}:1.0.1`);
    await wait(`${cart}:1.0.1`);
    await letWaitForImages(store.db);
    await scanNow(store, scanner, frontEnd);
    const due = await claimImageWaits(store.db, { limit: 10, claimMs: 60_000 });
    expect(due.map(({ id }) => id)).toEqual([awaited]);
  });

  test("two scanners share what is due and scan nothing twice", async () => {
    const { store, registry, scanner } = await aWorld();
    const other = aScanner(store, [registry.url]);
    const repositories = Array.from({ length: 40 }, (_, index) => `many/${index}`);
    for (const repository of repositories) fill(registry, repository, 1);
    await images.wantRepositories(
      store.db,
      repositories.map((repository) => `${hosts.shop}/${repository}`),
    );
    await Promise.all([scanner.claim(), other.claim()]);
    await Promise.all([scanner.idle(), other.idle()]);
    expect(registry.requests().tags).toBe(40);
  });

  describe.runIf(realRegistry)("with the real docker-registry", () => {
    test("tags end up in the store with their dates, and a new one after a refresh", async () => {
      const store = await aStore();
      const registry = await startDockerRegistry();
      onEnd(() => registry.stop());
      const scanner = aScanner(store, [registry.url]);
      await pushImage(registry, "shop/front-end:0.3.0", { createdAt: builtAt });
      await pushTag(registry, "shop/front-end:0.3.0", "0.3");
      await scanNow(store, scanner, frontEnd);
      await pushImage(registry, "shop/front-end:0.3.1", { createdAt: builtAt, digestSeed: "next" });
      expect((await scanner.refreshTag(frontEnd, "0.3.1")).found).toBe(true);
      const { images: known } = await scanner.refresh(frontEnd);
      expect(known.map(({ tag, createdAt }) => [tag, createdAt])).toEqual([
        ["0.3.1", builtAt],
        ["0.3.0", builtAt],
        ["0.3", builtAt],
      ]);
    });
  });
});
