import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { fillHistory } from "#support/store-ages.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("the history of jobs by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: twoEnvironments });
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.2.0" });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  const release = { environment: "default", workloads: ["sock-shop/front-end"], images: "latest" };
  const marks = { labels: { build: "https://ci.example.com/412" }, sourceSha: "5f2a9c7d0b6e" };
  const post = (body: object, more: object = {}) => box.call("POST", "/v1/releases", { body, ...more });
  const idsOf = async (query: string) => {
    const { body } = await box.call("GET", `/v1/jobs?${query}`);
    return (body["jobs"] as Job[]).map((job) => job.id);
  };

  test("a job keeps its labels, its source and the id of its request, and is found by them", async () => {
    const headers = { "x-request-id": "build-412" };
    const made = await post({ ...release, ...marks }, { headers });
    expect(made.body).toMatchObject({ ...marks, requestId: "build-412" });
    expect((await post(release)).body).toMatchObject({ labels: {}, sourceSha: null });
    const label = encodeURIComponent("build=https://ci.example.com/412");
    expect(await idsOf(`label=${label}`)).toEqual([made.body["id"]]);
    expect(await idsOf(`label=${label}&label=team%3Dshop`)).toEqual([]);
    expect(await idsOf("source=5F2A9C7")).toEqual([made.body["id"]]);
    expect(await idsOf("requestedBy=nobody")).toEqual([]);
    expect(await idsOf("until=1h")).toEqual([]);
  });

  test("the id of a request goes with it to the services that are asked", async () => {
    const headers = { "x-request-id": "dry-412" };
    expect((await post({ ...release, dryRun: true }, { headers })).status).toBe(200);
    expect(box.peers.plannedFor.at(-1)).toBe("dry-412");
  });

  test("labels make another request of it, so that a key for both is a conflict", async () => {
    const headers = { "idempotency-key": newUuidV7() };
    const first = await post(release, { headers });
    expect((await post({ ...release, ...marks }, { headers })).body).toMatchObject({
      status: 409,
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect((await post(release, { headers })).body["id"]).toBe(first.body["id"]);
  });

  test.each([
    { labels: { build: "javascript:alert(1)" } },
    { labels: { build: "a\u001b[2J" } },
    { labels: { "Bad key": "x" } },
    { sourceSha: "main" },
  ])("refuses %j", async (bad) => {
    expect((await post({ ...release, ...bad })).body).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  });

  test.each(["commit=main", "source=12", "label=%1b", "outcome=%00", "requestedBy=%0a", "until=soon"])(
    "refuses to search by %s",
    async (query) => {
      expect((await box.call("GET", `/v1/jobs?${query}`)).status).toBe(400);
    },
  );

  const lines = async (query: string, signal?: AbortSignal) => {
    const headers = { authorization: `Bearer ${tokens.viewer}` };
    const response = await fetch(`${box.url}/v1/jobs/export?${query}`, {
      headers,
      ...(signal && { signal }),
    });
    return { response, text: await response.text() };
  };

  test("is exported as a line of JSON each, newest first, as many as there are", async () => {
    const settings = await saveSettingsRevision(box.store.db, { environments: [] });
    await fillHistory(box.store.db, { environment: "old", laneId: box.laneId, settings, count: 1_234 });
    const { response, text } = await lines("environment=old");
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const jobs = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Job);
    expect(jobs).toHaveLength(1_234);
    expect(new Set(jobs.map((job) => job.id)).size).toBe(1_234);
    expect(jobs.map((job) => job.createdAt)).toEqual(
      jobs
        .map((job) => job.createdAt)
        .toSorted()
        .toReversed(),
    );
    const some = await lines(`environment=old&requestedBy=${encodeURIComponent("person 3")}`);
    expect(some.text.trimEnd().split("\n")).toHaveLength(62);
    expect((await lines("environment=nothing")).text).toBe("");
  });

  test("an export that nobody reads to its end frees its place", async () => {
    for (let round = 0; round < 120; round += 1) {
      const leaving = new AbortController();
      const headers = { authorization: `Bearer ${tokens.viewer}` };
      const response = await fetch(`${box.url}/v1/jobs/export`, { headers, signal: leaving.signal });
      expect(response.status).toBe(200);
      leaving.abort();
    }
  });
});
