import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import {
  claimAsked,
  claimDue,
  claimOne,
  coolRepositories,
  dueHosts,
  releaseClaims,
  renewClaims,
  scheduleSummary,
} from "#common/store/image-claims.ts";
import { paceFacts, settleScan } from "#common/store/image-pace.ts";
import { askForUnread, declaredIn, declaredWith, markAutomated } from "#common/store/image-uses.ts";
import { imagesOf, recordListing, wakeRepository, wantRepositories } from "#common/store/images.ts";
import type { RepositoryRow } from "#common/store/images.ts";
import { replaceDeclared } from "#common/store/manifests.ts";
import { recordAnswer, recordRefusal, recordSilence, takeTokens } from "#common/store/registry-hosts.ts";
import type { StoreWorld } from "#support/store-world.ts";

/** Who scans which repository when, and what a registry host may be asked. */
export function scanScheduleContract(given: () => StoreWorld): void {
  describe("claims of repositories", () => claimsContract(given));
  describe("the pace of a repository", () => paceContract(given));
  describe("the budget of a host", () => hostsContract(given));
}

const claim = (by = randomUUID()) => ({ by, claimMs: 60_000 });
const expired = (by: string) => ({ by, claimMs: -1_000 });

async function repositoriesAt(world: StoreWorld, host: string, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `${host}/shop/${index}`);
  await wantRepositories(world.store.db, [...keys, ...keys]);
  return keys;
}

async function rowOf(world: StoreWorld, key: string): Promise<RepositoryRow> {
  const row = (await imagesOf(world.store.db, [key])).get(key);
  if (row === undefined) throw new Error(`${key} is not in the store`);
  return row;
}

const aHost = (): string => `${randomUUID()}.example`;

function claimsContract(given: () => StoreWorld): void {
  test("a due repository is claimed by one scanner only", async () => {
    const { db } = given().store;
    const host = aHost();
    const keys = await repositoriesAt(given(), host, 40);
    const places = [{ host, free: 40 }];
    const claims = await Promise.all(Array.from({ length: 5 }, () => claimDue(db, claim(), places)));
    const claimed = claims.flat().map(({ key }) => key);
    expect(claimed.toSorted()).toEqual(keys.toSorted());
    await wakeRepository(db, keys[0] ?? "");
    expect((await claimDue(db, claim(), places)).map(({ key }) => key)).toEqual([keys[0]]);
  });

  test("no more is claimed of a host than there are places, and other hosts are not in its way", async () => {
    const { db } = given().store;
    const [many, few] = [aHost(), aHost()];
    await repositoriesAt(given(), many, 30);
    await repositoriesAt(given(), few, 2);
    const due = await dueHosts(db);
    expect(due).toEqual(
      expect.arrayContaining([
        { host: many, due: 30 },
        { host: few, due: 2 },
      ]),
    );
    const rows = await claimDue(db, claim(), [
      { host: many, free: 4 },
      { host: few, free: 4 },
    ]);
    expect(rows.filter(({ host }) => host === many)).toHaveLength(4);
    expect(rows.filter(({ host }) => host === few)).toHaveLength(2);
  });

  test("a claim that is renewed goes on; one that ended, or that somebody woke, does not", async () => {
    const { db } = given().store;
    const host = aHost();
    const [kept = "", ended = "", woken = ""] = await repositoriesAt(given(), host, 3);
    const mine = claim();
    await claimDue(db, mine, [{ host, free: 1 }]);
    for (const key of [kept, woken]) await claimAsked(db, mine, key);
    await claimAsked(db, expired(mine.by), ended);
    await wakeRepository(db, woken);
    await renewClaims(db, { ...mine, claimMs: 3_600_000 }, [kept, ended, woken]);
    const now = (await given().store.now()).getTime();
    expect((await rowOf(given(), kept)).due_at?.getTime()).toBeGreaterThan(now + 600_000);
    expect(await claimOne(db, claim(), ended)).toMatchObject({ key: ended });
    expect(await claimOne(db, claim(), woken)).toMatchObject({ key: woken });
    expect(await claimOne(db, claim(), kept)).toBeUndefined();
  });

  test("what a scanner gives back when it stops is due for others, and nothing else", async () => {
    const { db } = given().store;
    const host = aHost();
    const [mine = "", other = ""] = await repositoriesAt(given(), host, 2);
    const stopping = claim();
    await claimAsked(db, stopping, mine);
    await claimAsked(db, claim(), other);
    await releaseClaims(db, stopping.by);
    expect((await claimDue(db, claim(), [{ host, free: 9 }])).map(({ key }) => key)).toEqual([mine]);
  });

  test("a repository that nobody wants any more cools, and is due again when somebody does", async () => {
    const { db } = given().store;
    const [key = ""] = await repositoriesAt(given(), aHost(), 1);
    expect(await coolRepositories(db, 60_000)).toBe(0);
    expect(await coolRepositories(db, -60_000)).toBeGreaterThan(0);
    expect((await rowOf(given(), key)).due_at).toBeNull();
    await wantRepositories(db, [key]);
    expect((await rowOf(given(), key)).due_at).toBeInstanceOf(Date);
  });
}

function paceContract(given: () => StoreWorld): void {
  const changedAt = new Date("2016-11-18T16:00:00Z");
  const settling = (row: RepositoryRow, more = {}) => ({
    row,
    changedAt,
    reading: false,
    readAll: false,
    moves: { scans: 3 },
    intervalMs: 900_000,
    reason: "quiet",
    nextDueMs: 890_000,
    ...more,
  });

  test("a scan that ends writes down when the next one is, and why then", async () => {
    const { db } = given().store;
    const [key = ""] = await repositoriesAt(given(), aHost(), 1);
    const row = await claimOne(db, claim(), key);
    if (row === undefined) throw new Error("it was not due");
    await settleScan(db, settling(row, { moves: { scans: 0, looked: { after: "1.0" } } }));
    const { due_at: dueAt, ...settled } = await rowOf(given(), key);
    expect(settled).toMatchObject({ interval_ms: 900_000, interval_reason: "quiet", claimed_by: null });
    expect(settled).toMatchObject({ moves_scans: 0, moves_after: "1.0", moves_at: expect.any(Date) });
    const now = (await given().store.now()).getTime();
    expect(dueAt?.getTime()).toBeGreaterThan(now + 800_000);
    expect(await paceFacts(db, key)).toMatchObject({ changedAt, askedAt: null, automated: false });
    expect((await scheduleSummary(db)).byReason.get("quiet")).toBeGreaterThan(0);
  });

  test("whoever asks while a scan runs gets another one", async () => {
    const { db } = given().store;
    const [key = ""] = await repositoriesAt(given(), aHost(), 1);
    const row = await claimOne(db, claim(), key);
    if (row === undefined) throw new Error("it was not due");
    await wakeRepository(db, key);
    await settleScan(db, settling(row));
    expect(await claimOne(db, claim(), key)).toMatchObject({ key });
  });

  test("a scan that ends leaves another scanner's claim alone", async () => {
    const { db } = given().store;
    const [key = ""] = await repositoriesAt(given(), aHost(), 1);
    const first = await claimOne(db, claim(), key);
    if (first === undefined) throw new Error("it was not due");
    await wakeRepository(db, key);
    const second = await claimOne(db, claim(), key);
    if (second === undefined) throw new Error("it was not due again");
    const held = { due_at: second.due_at, claimed_by: second.claimed_by };
    await settleScan(db, settling(first));
    expect(await rowOf(given(), key)).toMatchObject(held);
    await settleScan(db, settling(second));
    expect(await rowOf(given(), key)).toMatchObject({ claimed_by: null, interval_reason: "quiet" });
  });

  test("a listing that differs from the one before is a change; the first one is none", async () => {
    const { db } = given().store;
    const [key = ""] = await repositoriesAt(given(), aHost(), 1);
    const listing = { key, etag: null, complete: true };
    expect(await recordListing(db, { ...listing, tags: [{ tag: "1" }] })).toMatchObject({ changed: false });
    expect(await recordListing(db, { ...listing, tags: [{ tag: "1" }] })).toMatchObject({ changed: false });
    const row = await rowOf(given(), key);
    expect(row).toMatchObject({ changed_at: null, reading: true });
    await settleScan(db, settling(row));
    expect(await recordListing(db, listing)).toMatchObject({ changed: false });
    expect(await rowOf(given(), key)).toMatchObject({ reading: false });
    const more = [{ tag: "1" }, { tag: "2" }];
    expect(await recordListing(db, { ...listing, tags: more })).toMatchObject({ changed: true });
    expect(await rowOf(given(), key)).toMatchObject({ changed_at: expect.any(Date), reading: true });
  });

  test("what is released by itself is marked: by annotations, or as the caller says by rules", async () => {
    const { db } = given().store;
    const [key = "", ruled = "", neither = ""] = await repositoriesAt(given(), aHost(), 3);
    const plain = [await declare(given(), key, true)];
    const automated = async (): Promise<boolean[]> => {
      const rows = await Promise.all([key, ruled, neither].map((one) => rowOf(given(), one)));
      return rows.map((row) => row.automated);
    };
    await markAutomated(db, { plain, keys: [ruled], withinMs: 30_000 });
    expect(await automated()).toEqual([true, true, false]);
    await declare(given(), key, false);
    await markAutomated(db, { plain, keys: [], withinMs: 30_000 });
    expect(await automated()).toEqual([false, false, false]);
    await declare(given(), key, true);
    await markAutomated(db, { plain: [], keys: [], withinMs: 30_000 });
    expect(await automated()).toEqual([false, false, false]);
    expect(await declaredWith(db, key)).toMatchObject([{ workload: "a:deployment/web" }]);
    expect(await declaredIn(db, plain)).toHaveLength(1);
  });

  test("whoever wants to see all images of a repository makes it due, once, while some are unread", async () => {
    const { db } = given().store;
    const [key = "", empty = ""] = await repositoriesAt(given(), aHost(), 2);
    await recordListing(db, { key, etag: null, complete: true, tags: [{ tag: "1" }] });
    await claimOne(db, claim(), key);
    expect(await askForUnread(db, [key, empty])).toEqual([key]);
    expect(await askForUnread(db, [key, empty])).toEqual([]);
    const row = await claimOne(db, claim(), key);
    expect(row).toMatchObject({ read_all: true });
  });
}

async function declare({ store }: StoreWorld, key: string, automated: boolean): Promise<string> {
  const environment = key.slice(0, 8);
  const container = { name: "web", image: `${key}:1.2.3`, init: false, editable: true, reason: null };
  const policies = { automated, locked: false, ignore: false, hold: null, tags: { web: "semver:~1" } };
  const place = { path: "web.yaml", document: 1, line: 1, blob_oid: randomUUID() };
  await replaceDeclared(store.db, {
    environment,
    laneId: "lane",
    commit: randomUUID(),
    changedPaths: ["web.yaml"],
    removedPaths: [],
    rows: [
      { workload: "a:deployment/web", ...place, containers: [container], policies, repositories: [key] },
    ],
    faults: [],
  });
  return environment;
}

function hostsContract(given: () => StoreWorld): void {
  // So slow that none comes back while the test runs.
  const ask = (host: string, more = {}) => ({
    host,
    requestsPerSecond: 0.001,
    burst: 20,
    want: 5,
    atLeast: 0,
    ...more,
  });

  test("all scanners together get a burst, and no more", async () => {
    const { db } = given().store;
    const host = aHost();
    const grants = await Promise.all(
      Array.from({ length: 12 }, () => takeTokens(db, ask(host, { want: 3 }))),
    );
    expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBe(20);
    const last = await takeTokens(db, ask(host));
    expect(last).toMatchObject({ granted: 0, leftAloneMs: 0, silentMs: 0, troubled: false });
    expect(last.waitMs).toBeGreaterThan(0);
  });

  test("what the schedule must leave is there for people, and then some in advance", async () => {
    const { db } = given().store;
    const host = aHost();
    expect(await takeTokens(db, ask(host, { want: 100, atLeast: 5 }))).toMatchObject({ granted: 15 });
    expect(await takeTokens(db, ask(host, { atLeast: 5 }))).toMatchObject({ granted: 0 });
    expect(await takeTokens(db, ask(host, { want: 8, atLeast: -20 }))).toMatchObject({ granted: 8 });
    expect(await takeTokens(db, ask(host, { want: 100, atLeast: -20 }))).toMatchObject({ granted: 17 });
  });

  test("a host that refused is left alone by every scanner, for as long as it said", async () => {
    const { db } = given().store;
    const host = aHost();
    await repositoriesAt(given(), host, 1);
    await takeTokens(db, ask(host));
    await recordRefusal(db, { host, forMs: 3_600_000 });
    await recordRefusal(db, { host });
    const grant = await takeTokens(db, ask(host));
    expect(grant).toMatchObject({ granted: 0, troubled: true });
    expect(grant.leftAloneMs).toBeGreaterThan(3_000_000);
    expect((await dueHosts(db)).map((one) => one.host)).not.toContain(host);
    expect((await scheduleSummary(db)).leftAlone).toContain(host);
  });

  test("refusals without a word about how long are heeded longer each time", async () => {
    const { db } = given().store;
    const host = aHost();
    await takeTokens(db, ask(host));
    const pauses = [await recordRefusal(db, { host }), await recordRefusal(db, { host })];
    const [first = 0, second = 0] = pauses;
    expect(second).toBeGreaterThan(first);
    expect(await recordRefusal(db, { host, forMs: 1_000 })).toBeGreaterThan(1_000);
  });

  test("a silent host is not asked by the schedule until it answers again", async () => {
    const { db } = given().store;
    const host = aHost();
    await repositoriesAt(given(), host, 1);
    await takeTokens(db, ask(host, { want: 1 }));
    await recordSilence(db, host, 60_000);
    expect((await takeTokens(db, ask(host, { want: 1 }))).silentMs).toBeGreaterThan(0);
    expect((await dueHosts(db)).map((one) => one.host)).not.toContain(host);
    await recordAnswer(db, host);
    expect(await takeTokens(db, ask(host, { want: 1 }))).toMatchObject({ silentMs: 0, troubled: false });
    expect((await dueHosts(db)).map((one) => one.host)).toContain(host);
  });
}
