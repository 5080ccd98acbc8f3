import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow, type Row } from "./support/row.ts";
import { measureWatching, watchRows } from "./watch.ts";
import { tagsPerImage, type Fleet } from "./workloads/fleet.ts";
import { onListStage, type ListStage } from "./workloads/list-stage.ts";
import { createNaive, type Naive } from "./workloads/naive.ts";

const small: Fleet = { name: "n14", size: 14 };
const middle: Fleet = { name: "n1000", size: 1_000 };
const large: Fleet = { name: "n10000", size: 10_000 };
const fleets = [small, middle, large];

interface Measured {
  readonly name: string;
  readonly budget: string;
  readonly path: string;
  readonly runs: number;
  /** Asks with the ETag of the answer before. */
  readonly again?: true;
  readonly naive: (naive: Naive) => Promise<unknown>;
}

const list = ({ name }: Fleet, limit: number): string => `/v1/workloads?environment=${name}&limit=${limit}`;
const images = ({ name, size }: Fleet): string => `/v1/images?environment=${name}&limit=${size}`;

const measured: readonly Measured[] = [
  {
    name: "workloads.list-14",
    budget: "5 ms",
    path: list(small, 500),
    runs: 200,
    naive: (naive) => naive.list(small, 500),
  },
  {
    name: "workloads.list-1000",
    budget: "20 ms",
    path: list(middle, 1_000),
    runs: 200,
    naive: (naive) => naive.list(middle, 1_000),
  },
  {
    name: "workloads.images-14",
    budget: "10 ms",
    path: images(small),
    runs: 200,
    naive: (naive) => naive.images(small),
  },
  {
    name: "workloads.images-1000",
    budget: "40 ms",
    path: images(middle),
    runs: 100,
    naive: (naive) => naive.images(middle),
  },
  {
    name: "workloads.page-200-of-10k",
    budget: "p99 25 ms",
    path: list(large, 200),
    runs: 500,
    naive: (naive) => naive.list(large, 200),
  },
  {
    name: "workloads.all-10k",
    budget: "p99 100 ms",
    path: list(large, 10_000),
    runs: 100,
    naive: (naive) => naive.list(large, 10_000),
  },
  {
    name: "workloads.not-modified-10k",
    budget: "p99 5 ms",
    path: list(large, 10_000),
    runs: 500,
    again: true,
    naive: (naive) => naive.list(large, 10_000),
  },
];

/**
 * Lists of workloads and images over HTTP, beside reading, joining and writing everything for each request;
 * and what it costs to begin to see a cluster, and to see what changes there.
 */
export const workloadsBench: Bench = {
  name: "workloads",
  rows: [...measured.map(({ name }) => name), ...watchRows],
  async run(run) {
    const lists = measured.filter(({ name }) => run.wants(name));
    if (lists.length > 0) await onListStage(run, fleets, (stage) => measureLists(run, stage, lists));
    if (watchRows.some((row) => run.wants(row))) await measureWatching(run);
  },
};

async function measureLists(run: BenchRun, stage: ListStage, lists: readonly Measured[]): Promise<void> {
  const naive = createNaive(stage);
  for (const one of lists) {
    run.note(`measuring ${one.name}, ${tagsPerImage} tags an image`);
    run.tell(await measure(run, { stage, naive, one }));
  }
}

const warmUps = 10;
const naiveRuns = 3;

async function measure(
  { signal }: BenchRun,
  { stage, naive, one }: { stage: ListStage; naive: Naive; one: Measured },
): Promise<Row> {
  const { name, budget, path, runs, again } = one;
  const first = await stage.get(path);
  let etag = first.etag;
  const times: number[] = [];
  let unchanged = 0;
  for (let run = 0; run < warmUps + runs; run += 1) {
    signal.throwIfAborted();
    const got = await stage.get(path, again === true ? { "if-none-match": etag } : {});
    etag = got.etag;
    if (run < warmUps) continue;
    // An answer that grew older by a step is sent anew: that is not what this row is about.
    if (again === true && got.status !== 304) continue;
    if (got.status === 304) unchanged += 1;
    times.push(got.seconds);
  }
  return toRow({
    name,
    value: quantile(times, 0.5),
    unit: "s",
    p99: quantile(times, 0.99),
    baseline: await naiveSeconds(() => one.naive(naive)),
    budget,
    baselineIs: "read everything from Postgres and the watcher, join, write as JSON; without HTTP",
    more: {
      "kB an answer": Math.round(first.bytes / 1000),
      ...(again === true && { "not modified": unchanged }),
    },
  });
}

async function naiveSeconds(act: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < naiveRuns; run += 1) {
    const beganMs = performance.now();
    await act();
    times.push((performance.now() - beganMs) / 1000);
  }
  return quantile(times, 0.5);
}
