import { everything } from "#common/domain/access.ts";
import { createHash, randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { listJobs } from "#common/store/job-list.ts";
import { jobConditions } from "#common/store/job-search.ts";
import type { JobSearch } from "#common/store/job-search.ts";
import { moveJob, mustGetJob, patchJob } from "#common/store/jobs.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import { explain, fillHistory } from "#support/store-ages.ts";
import type { StoreWorld } from "#support/store-world.ts";

const sourceSha = "5f2a9c0000000000000000000000000000000001";

export function searchContract(given: () => StoreWorld): void {
  test("jobs are found by person, outcome, commit, source, label and by times", async () => {
    const { store, aJob } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const labels = JSON.stringify({ build: "https://ci.example.com/1", team: "a=b" });
    const first = await aJob({ environment, requested_by: "anna", source_sha: sourceSha, labels });
    const second = await aJob({ environment, requested_by: "bo" });
    await moveJob(store.db, { id: first.id, event: "nothing-to-do" });
    await patchJob(store.db, second.id, { commit_sha: "3fa94c1000" });
    const found = async (search: JobSearch) =>
      (await listJobs(store.db, { environment, within: everything, limit: 10, ...search })).jobs.map(
        (job) => job.id,
      );
    expect(await found({ requestedBy: "anna" })).toEqual([first.id]);
    expect(await found({ outcome: "nothing-to-do" })).toEqual([first.id]);
    expect(await found({ commit: "3fa94c1" })).toEqual([second.id]);
    expect(await found({ source: "5f2a9c" })).toEqual([first.id]);
    expect(await found({ labels: ["build=https://ci.example.com/1", "team=a=b"] })).toEqual([first.id]);
    expect(await found({ labels: ["build=https://ci.example.com/2"] })).toEqual([]);
    const between = (await mustGetJob(store.db, second.id)).created_at;
    expect(await found({ until: between })).toEqual([first.id]);
    expect(await found({ since: between })).toEqual([second.id]);
    expect(await found({ until: new Date(0) })).toEqual([]);
    expect(await found({ since: new Date("2100-01-01") })).toEqual([]);
  });

  test("an image is found whole, without its digest and without its tag", async () => {
    const { store, aJob } = given();
    const environment = `env-${randomUUID().slice(0, 8)}`;
    const image = "localhost:5000/a/web:1.0@sha256:0123";
    const { id } = await aJob({ environment, spec: JSON.stringify({ images: { exact: [image] } }) });
    const found = async (text: string) =>
      (await listJobs(store.db, { environment, within: everything, limit: 10, image: text })).jobs.map(
        (job) => job.id,
      );
    for (const text of [image, "localhost:5000/a/web:1.0", "localhost:5000/a/web"]) {
      expect(await found(text)).toEqual([id]);
    }
    for (const text of ["localhost:5000/a", "localhost", "localhost:5000/a/web:1"]) {
      expect(await found(text)).toEqual([]);
    }
  });

  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  const longAgo = new Date(Date.now() - 8_000 * 60_000);
  const searches: Record<string, JobSearch> = {
    "a workload": { workload: "shop:deployment/w7" },
    "a workload of any kind": { workload: "shop/w7" },
    "an image": { image: "repo/w7:507" },
    "an image repository": { image: "repo/w9" },
    "a label": { labels: ["build=1234"] },
    "a commit": { commit: md5("77").slice(0, 10) },
    "a source": { source: md5("77").slice(0, 10) },
    "a person": { requestedBy: "person 3" },
    "somebody unknown": { requestedBy: "nobody" },
    "a rare outcome": { outcome: "failed" },
    "a rare kind": { kind: "restart" },
    "an old time": { until: longAgo },
    "a person long ago": { requestedBy: "person 3", until: longAgo },
    "a time that nothing is in": { since: longAgo, until: longAgo },
  };

  test("no search reads all of a long history", async () => {
    const { store, aLane } = given();
    const settings = await saveSettingsRevision(store.db, { environments: [] });
    const environment = "long-history";
    await fillHistory(store.db, { environment, laneId: await aLane(), settings, count: 12_000 });
    const reading: string[] = [];
    for (const [name, search] of Object.entries(searches)) {
      const query = store.db
        .selectFrom("jobs")
        .selectAll()
        .where((eb) => eb.and(jobConditions(eb, search)))
        .orderBy("accepted", "desc")
        .limit(51)
        .compile();
      const plan = await explain(store.db, query);
      if (/Seq Scan on jobs/.test(plan)) reading.push(`${name}:\n${plan}`);
    }
    expect(reading).toEqual([]);
  });
}
