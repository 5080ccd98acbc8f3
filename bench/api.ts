import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";

import autocannon from "autocannon";
import type { Options, Result } from "autocannon";

import type { Job } from "#common/contracts/http.ts";
import type { NewJobRow } from "#common/store/schema.ts";

import { measureFanOut } from "./api/fan-out.ts";
import { acceptNaively } from "./api/naive-accept.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";
import { fleetWorkloads } from "./workloads/fleet.ts";
import { onListStage, type ListStage } from "./workloads/list-stage.ts";

const rows = ["api.accept", "api.accept-at-200", "api.page", "api.fan-out-500", "api.read-100k"];
const fleet = { name: "n14", size: 14 };
const connections = 50;
const seconds = 8;
const reads = 100_000;

/** The API as a process on a real Postgres, durable, under load from a thread beside it. */
export const apiBench: Bench = {
  name: "api",
  rows,
  run: (run) => onListStage(run, [fleet], (stage) => measureApi(run, stage)),
};

async function measureApi(run: BenchRun, stage: ListStage): Promise<void> {
  const first = await accept(stage);
  const like = await rowLike(stage, first.id);
  if (run.wants("api.accept")) await measureAccept(run, stage, like);
  if (run.wants("api.accept-at-200")) await measureSteady(run, stage, like);
  if (run.wants("api.page")) await measurePage(run, stage);
  if (run.wants("api.fan-out-500")) await measureStreams(run, stage, first.id);
  if (run.wants("api.read-100k")) await measureReads(run, stage, first.id);
}

async function measureAccept(run: BenchRun, stage: ListStage, like: NewJobRow): Promise<void> {
  run.note(`accepting releases over ${connections} connections`);
  const result = await load(stage, { ...postRelease(stage), connections, duration: seconds });
  const baseline = await naiveRate(stage, like);
  run.tell(
    toRow({
      name: "api.accept",
      value: result["2xx"] / result.duration,
      unit: "1/s",
      p99: result.latency.p99 / 1000,
      baseline,
      budget: "1000/s",
      baselineIs: "a transaction with a statement for each row, without HTTP",
    }),
  );
}

async function measureSteady(run: BenchRun, stage: ListStage, like: NewJobRow): Promise<void> {
  run.note("accepting 200 releases a second");
  const result = await load(stage, {
    ...postRelease(stage),
    connections: 20,
    overallRate: 200,
    duration: seconds,
  });
  const times: number[] = [];
  for (let at = 0; at < 200; at += 1) times.push(await timed(() => acceptNaively(stage.store, like)));
  run.tell(
    toRow({
      name: "api.accept-at-200",
      value: result.latency.p50 / 1000 || 0.0005,
      unit: "s",
      p99: result.latency.p99 / 1000,
      baseline: quantile(times, 0.5),
      budget: "p99 25 ms",
      baselineIs: "the same transaction, one at a time",
      more: { accepted: result["2xx"] },
    }),
  );
}

/** A search that finds nothing is the longest one for who reads every row. */
async function measurePage(run: BenchRun, stage: ListStage): Promise<void> {
  const times: number[] = [];
  for (let at = 0; at < 200; at += 1) {
    times.push((await stage.get("/v1/jobs?limit=50&workload=shop:deployment/nobody")).seconds);
  }
  const scan = () =>
    stage.store.db.selectFrom("jobs").selectAll().where("headline", "like", "%nobody%").limit(50).execute();
  const scans: number[] = [];
  for (let at = 0; at < 20; at += 1) scans.push(await timed(scan));
  const counted = await stage.store.db
    .selectFrom("jobs")
    .select(({ fn }) => fn.countAll<bigint>().as("count"))
    .executeTakeFirstOrThrow();
  run.tell(
    toRow({
      name: "api.page",
      value: quantile(times, 0.5),
      unit: "s",
      p99: quantile(times, 0.99),
      baseline: quantile(scans, 0.5),
      budget: "20 ms",
      baselineIs: "reading every row, without HTTP",
      more: { jobs: Number(counted.count) },
    }),
  );
}

/** Without hints every follower would look by itself. */
const pollSeconds = 2.5;

async function measureStreams(run: BenchRun, stage: ListStage, jobId: string): Promise<void> {
  run.note("telling 500 clients");
  const before = await residentMiB(stage);
  const times = await measureFanOut(stage, jobId);
  run.tell(
    toRow({
      name: "api.fan-out-500",
      value: quantile(times, 0.5),
      unit: "s",
      p99: quantile(times, 0.99),
      baseline: pollSeconds,
      budget: "p99 1 s",
      baselineIs: "half of the five seconds after which followers look by themselves",
      more: { "MiB before": before, "MiB after": await residentMiB(stage) },
    }),
  );
}

async function measureReads(run: BenchRun, stage: ListStage, jobId: string): Promise<void> {
  run.note(`asking ${reads} times`);
  const url = `${stage.api.url}/v1/jobs/${jobId}`;
  const headers = { authorization: `Bearer ${stage.api.token}` };
  await load(stage, { url, headers, connections, amount: 5_000 });
  const before = await residentMiB(stage);
  const result = await load(stage, { url, headers, connections, amount: reads });
  const after = await residentMiB(stage);
  const bare = await load(stage, { url: `${stage.api.url}/livez`, connections, duration: 4 });
  run.tell(
    toRow({
      name: "api.read-100k",
      value: result["2xx"] / result.duration,
      unit: "1/s",
      p99: result.latency.p99 / 1000,
      baseline: bare["2xx"] / bare.duration,
      budget: "memory stays flat",
      baselineIs: "the same server's /livez, which asks nobody",
      more: { "MiB before": before, "MiB after": after },
    }),
  );
}

async function load(stage: ListStage, options: Options): Promise<Result> {
  const result = await autocannon({ ...options, workers: 1, timeout: 30 });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were refusals, ${result.errors} requests failed`);
  }
  return result;
}

function postRelease({ api }: ListStage): Options {
  return {
    url: `${api.url}/v1/releases`,
    method: "POST",
    headers: {
      authorization: `Bearer ${api.token}`,
      "content-type": "application/json",
      // Another one each time.
      "idempotency-key": "[<id>]",
    },
    idReplacement: true,
    body: releaseBody,
  };
}

const [{ namespace, name } = { namespace: "", name: "" }] = fleetWorkloads(fleet);
const releaseBody = JSON.stringify({
  environment: fleet.name,
  workloads: [`${namespace}/${name}`],
  images: "latest",
});

async function accept({ api }: ListStage): Promise<Job> {
  const answer = await fetch(`${api.url}/v1/releases`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.token}`, "content-type": "application/json" },
    body: releaseBody,
  });
  if (answer.status !== 202)
    throw new Error(`a release was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Job;
}

/** What a straightforward implementation would store of the same request. */
async function rowLike({ store }: ListStage, id: string): Promise<NewJobRow> {
  const job = await store.db.selectFrom("jobs").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  const { environment, kind, lane_id, settings_revision, phase, priority, origin, headline, requested_by } =
    job;
  const known = {
    environment,
    kind,
    lane_id,
    settings_revision,
    phase,
    priority,
    origin,
    headline,
    requested_by,
  };
  return { ...known, id: randomUUID(), spec: JSON.stringify(job.spec) };
}

async function naiveRate({ store }: ListStage, like: NewJobRow): Promise<number> {
  const beganMs = performance.now();
  const untilMs = beganMs + (seconds / 2) * 1000;
  let done = 0;
  const turn = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await acceptNaively(store, like);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, turn));
  return done / ((performance.now() - beganMs) / 1000);
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await act();
  return (performance.now() - beganMs) / 1000;
}

/** What the process holds, where the system tells. */
async function residentMiB({ api }: ListStage): Promise<number> {
  const text = await readFile(`/proc/${api.pid}/status`, "utf8").catch(() => "VmRSS: 0 kB"); // no such file: not Linux
  return Math.round(Number(/VmRSS:\s*(\d+)/.exec(text)?.[1] ?? 0) / 1024);
}
