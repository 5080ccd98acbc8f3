import { randomBytes, randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { writeAudit } from "#common/store/audit.ts";
import { holdsOf, liftHolds, setHold } from "#common/store/holds.ts";
import { recordScanFailure } from "#common/store/image-pace.ts";
import { imagesOf, missingManifests } from "#common/store/images.ts";
import { recordListing, removeTag, saveManifest, setTagDigest } from "#common/store/images.ts";
import { wantRepositories } from "#common/store/images.ts";
import { confirmEnvironmentTips, declaredWorkloads, environmentTip } from "#common/store/manifests.ts";
import {
  declaredAmong,
  declaredInFiles,
  indexedFiles,
  knownBlobs,
  replaceDeclared,
  saveBlobs,
} from "#common/store/manifests.ts";
import { wantedRepositories } from "#common/store/manifests.ts";
import { getSettingsRevision, saveSettingsRevision } from "#common/store/settings.ts";
import { addToken, findTokenByHash, hasAnyToken, revokeToken } from "#common/store/tokens.ts";
import type { StoreWorld } from "#support/store-world.ts";

export function projectionsContract(given: () => StoreWorld): void {
  manifestsContract(given);
  imagesContract(given);
  smallerContract(given);
}

function declared(workload: string, path: string, repository: string) {
  const container = { name: "web", image: `${repository}:1`, init: false, editable: true, reason: null };
  const policies = { automated: false, locked: false, ignore: false, hold: null, tags: {} };
  const place = { path, document: 1, line: 1, blob_oid: `blob of ${path}` };
  return { workload, ...place, containers: [container], policies, repositories: [repository] };
}

function manifestsContract(given: () => StoreWorld): void {
  test("a blob is parsed once for everybody who reads it the same way", async () => {
    const { store } = given();
    const oid = randomUUID();
    const as = { defaultNamespace: "default", parser: 1 };
    const blobs = new Map([[oid, { workloads: [], faults: [{ message: "broken", line: 3 }] }]]);
    await saveBlobs(store.db, { ...as, blobs });
    await saveBlobs(store.db, { ...as, blobs });
    expect(await knownBlobs(store.db, { ...as, oids: [oid, "unknown"] })).toEqual(blobs);
    expect(await knownBlobs(store.db, { ...as, oids: [oid], parser: 2 })).toEqual(new Map());
    expect(await knownBlobs(store.db, { ...as, oids: [oid], defaultNamespace: "x" })).toEqual(new Map());
  });

  test("the projection moves by what changed and was removed", async () => {
    const { store, aLane } = given();
    const [environment, laneId] = [`env-${randomUUID().slice(0, 8)}`, await aLane()];
    const repository = `registry.example/${randomUUID()}`;
    const first = [
      declared("a:deployment/a", "a.yaml", repository),
      declared("a:deployment/b", "b.yaml", "r/b"),
    ];
    const base = { environment, laneId, removedPaths: [], faults: [] };
    await replaceDeclared(store.db, {
      ...base,
      commit: "1",
      changedPaths: ["a.yaml", "b.yaml"],
      rows: first,
    });
    expect(await declaredWorkloads(store.db, environment)).toEqual(
      first.map((row) => ({ environment, ...row, labels: {}, fault: null })),
    );

    const faults = [{ path: "c.yaml", line: null, message: "broken" }];
    const fault = { message: "broken", line: 7 };
    const moved = { ...declared("a:deployment/a2", "a.yaml", repository), fault };
    const change = {
      ...base,
      commit: "2",
      changedPaths: ["a.yaml"],
      removedPaths: ["b.yaml"],
      rows: [moved],
    };
    await store.transaction((tx) => replaceDeclared(tx, { ...change, faults }));
    const [now, ...others] = await declaredWorkloads(store.db, environment);
    expect(now).toEqual({ environment, ...moved, labels: {} });
    expect(others).toEqual([]);
    const paths = ["a.yaml", "b.yaml"];
    expect(await declaredInFiles(store.db, { environment, paths })).toEqual({ rows: [now], faults });
    expect(await declaredInFiles(store.db, { environment, paths: ["b.yaml"] })).toEqual({
      rows: [],
      faults: [],
    });
    const workloads = [now?.workload ?? "", "a:deployment/gone"];
    expect([...(await declaredAmong(store.db, { environment, workloads }))]).toEqual([now?.workload]);
    expect([...(await declaredAmong(store.db, { environment: "nowhere", workloads }))]).toEqual([]);
    expect(await indexedFiles(store.db, environment)).toEqual([
      { path: "a.yaml", blobOid: "blob of a.yaml" },
    ]);
    const tip = await environmentTip(store.db, environment);
    expect(tip).toMatchObject({ commit_sha: "2", lane_id: laneId, faults });
    await confirmEnvironmentTips(store.db, laneId);
    const confirmed = await environmentTip(store.db, environment);
    expect(confirmed?.checked_at.getTime()).toBeGreaterThanOrEqual(tip?.checked_at.getTime() ?? Infinity);

    expect(await declaredWorkloads(store.db, environment, { workloads: ["a:deployment/a"] })).toEqual([]);
    expect(await declaredWorkloads(store.db, environment, { repositories: [repository] })).toHaveLength(1);
    expect(await wantedRepositories(store.db)).toContain(repository);
  });

  test("an environment of thousands of workloads is stored in one go", async () => {
    const { store, aLane } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const rows = Array.from({ length: 2_500 }, (_, index) =>
      declared(`a:deployment/w${index}`, "all.yaml", "r/w"),
    );
    const numbered = rows.map((row, index) => ({ ...row, document: index + 1 }));
    const change = {
      environment,
      laneId: await aLane(),
      commit: "1",
      changedPaths: ["all.yaml"],
      removedPaths: [],
    };
    await replaceDeclared(store.db, { ...change, rows: numbered, faults: [] });
    expect(await declaredWorkloads(store.db, environment)).toHaveLength(2_500);
  });
}

function imagesContract(given: () => StoreWorld): void {
  const manifest = {
    media_type: "application/json",
    kind: "image",
    platforms: ["linux/amd64"],
    labels: { a: "b" },
  };
  const aRepository = async () => {
    const key = `registry.example/${randomUUID()}`;
    await wantRepositories(given().store.db, [key, key]);
    return key;
  };

  test("a listing adds tags, removes those that are gone, and notices a moved one", async () => {
    const { store } = given();
    const key = await aRepository();
    const scan = { key, etag: "e1", complete: true };
    await recordListing(store.db, {
      ...scan,
      tags: [{ tag: "1", digest: `${key}@1` }, { tag: "2" }, { tag: "old" }],
    });
    await saveManifest(store.db, { digest: `${key}@1`, created_at: new Date("2020-01-01"), ...manifest });
    expect((await missingManifests(store.db, key)).map((row) => row.tag).sort()).toEqual(["2", "old"]);

    await recordListing(store.db, {
      ...scan,
      tags: [{ tag: "1", digest: "d1b" }, { tag: "2" }, { tag: "3" }],
    });
    await setTagDigest(store.db, { key, tag: "2", digest: "d2" });
    await saveManifest(store.db, { digest: "d2", created_at: new Date("2021-01-01"), ...manifest });
    const images = (await imagesOf(store.db, [key])).get(key);
    expect(images?.images).toMatchObject([
      { tag: "2", digest: "d2", movedAt: null, platforms: ["linux/amd64"], labels: { a: "b" } },
      { tag: "3", digest: null, createdAt: null, platforms: [], labels: {} },
      { tag: "1", digest: "d1b", movedAt: expect.any(Date) },
    ]);
    expect(images).toMatchObject({ etag: "e1", complete: true, failures: 0, problem: null });
  });

  test("a listing that was cut, or that did not change, takes no tag away", async () => {
    const { store } = given();
    const key = await aRepository();
    const scan = { key, etag: null };
    await recordListing(store.db, {
      ...scan,
      complete: true,
      tags: [{ tag: "1", digest: `${key}@1` }, { tag: "2" }],
    });
    await recordListing(store.db, { ...scan, complete: false, tags: [{ tag: "1" }] });
    await recordListing(store.db, { ...scan, complete: true });
    const images = (await imagesOf(store.db, [key])).get(key);
    expect(images?.images.map(({ tag, digest }) => [tag, digest])).toEqual([
      ["2", null],
      ["1", `${key}@1`],
    ]);
    expect(images?.complete).toBe(false);
    await removeTag(store.db, { key, tag: "2" });
    expect((await imagesOf(store.db, [key])).get(key)?.images).toHaveLength(1);
  });

  test("a failed scan keeps what is known, with the reason and the pace, until the next listing", async () => {
    const { store } = given();
    const key = await aRepository();
    const problem = { code: "REGISTRY_UNAVAILABLE", title: "t", detail: null, hint: null };
    const scan = { key, etag: null, complete: true, tags: [{ tag: "1" }] };
    await recordListing(store.db, scan);
    const pace = { intervalMs: 120_000, reason: "unreadable", nextDueMs: 60_000 };
    const failure = { row: { key, asked_at: null, claimed_by: null }, problem, ...pace };
    await recordScanFailure(store.db, failure);
    await recordScanFailure(store.db, failure);
    expect((await imagesOf(store.db, [key])).get(key)).toMatchObject({
      failures: 2,
      problem,
      interval_ms: 120_000,
      interval_reason: "unreadable",
      images: [{ tag: "1" }],
    });
    await recordListing(store.db, scan);
    expect((await imagesOf(store.db, [key])).get(key)).toMatchObject({ failures: 0, problem: null });
  });
}

function smallerContract(given: () => StoreWorld): void {
  test("the same settings are the same revision, however they were written", async () => {
    const { store } = given();
    const body = { a: [{ x: 1, y: randomUUID() }], b: 2 };
    const id = await saveSettingsRevision(store.db, body);
    const again = await saveSettingsRevision(store.db, { b: 2, a: [{ y: body.a[0]?.y, x: 1 }] });
    expect(again).toBe(id);
    expect(await saveSettingsRevision(store.db, { ...body, b: 3 })).not.toBe(id);
    expect(await getSettingsRevision(store.db, id)).toEqual(body);
  });

  test("a token is found by its hash until it is revoked", async () => {
    const { store } = given();
    const token = { id: randomUUID(), hash: randomBytes(32), name: "ci", role: "releaser" as const };
    await addToken(store.db, token);
    await addToken(store.db, { ...token, id: randomUUID() });
    expect(await findTokenByHash(store.db, token.hash)).toMatchObject({
      token: { id: token.id, role: "releaser" },
      leftMs: Infinity,
    });
    expect(await revokeToken(store.db, token.id)).toMatchObject([{ id: token.id }]);
    expect(await revokeToken(store.db, token.id)).toEqual([]);
    expect(await findTokenByHash(store.db, token.hash)).toBeUndefined();
    expect(await hasAnyToken(store.db)).toBe(true);
  });

  test("a hold stands until it is lifted, a newer one in place of the older", async () => {
    const { store, aJob } = given();
    const { id: job_id } = await aJob();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const key = { environment, workload: "shop:deployment/web", container: "web" };
    await setHold(store.db, { ...key, image: "web:1", job_id, reason: "unhealthy" });
    await setHold(store.db, { ...key, image: "web:2", job_id, reason: "unhealthy" });
    expect(await holdsOf(store.db, environment)).toMatchObject([{ ...key, image: "web:2" }]);
    expect(await liftHolds(store.db, { ...key, by: "alice", except: job_id })).toEqual([]);
    expect(await liftHolds(store.db, { ...key, by: "alice" })).toMatchObject([{ image: "web:2" }]);
    expect(await holdsOf(store.db, environment)).toEqual([]);
    expect(await liftHolds(store.db, { ...key, by: "alice" })).toEqual([]);
  });

  test("an audit entry is kept with its facts", async () => {
    const { store } = given();
    const requestId = randomUUID();
    const entry = { principal: "tester", operation: "cancel", outcome: "too-late", requestId };
    await writeAudit(store.db, { ...entry, detail: { phase: "writing" } });
    const rows = await store.db.selectFrom("audit").selectAll().where("request_id", "=", requestId).execute();
    expect(rows).toMatchObject([{ operation: "cancel", outcome: "too-late", detail: { phase: "writing" } }]);
  });
}
