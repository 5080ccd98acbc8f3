import { pollUntil } from "#common/kit/retry.ts";
import { imagesOf } from "#common/store/images.ts";

import { keyOf, onScanStage, type ScanStage } from "./scan/scan-stage.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";

const cold = "scan.cold-1000x100";
const nothingNew = "scan.nothing-new-1000";
const newTag = "scan.new-tag";
const memory = "scan.memory";
const deep = "scan.cold-100x1000";
const wide = [cold, nothingNew, newTag, memory];

const wideSize = { repositories: 1_000, tags: 100 };
const deepSize = { repositories: 100, tags: 1_000 };
/** The baseline reads so many tags; its figures are multiplied. */
const sampleTags = 10_000;
const sweeps = 3;
const pushes = 20;
const mebibyte = 1024 * 1024;
const baselineIs = `manifest and config of each tag, eight at a time; ${sampleTags} tags, multiplied`;

/** The scanner as a process on a sandbox registry, its host's budget lifted. */
export const scanBench: Bench = {
  name: "scan",
  rows: [...wide, deep],
  async run(run) {
    if (wide.some((row) => run.wants(row))) {
      await onScanStage(run, wideSize, (stage) => measureWide(run, stage));
    }
    if (run.wants(deep)) await onScanStage(run, deepSize, (stage) => measureDeep(run, stage));
  },
};

async function measureWide(run: BenchRun, stage: ScanStage): Promise<void> {
  const idleBytes = await stage.residentBytes();
  run.note("filling an empty store: 1,000 repositories");
  const filled = await fillOf(stage);
  const naive = await sampleOf(run, stage, wideSize.tags);
  if (run.wants(cold)) {
    const figures = { value: filled.seconds, baseline: naive.seconds, budget: "" };
    const more = { ...filled.counts, "requests, baseline": naive.requests };
    run.tell(toRow({ name: cold, unit: "s", ...figures, baselineIs, more }));
  }
  const filledBytes = await stage.residentBytes();
  await tellSweeps(run, stage, naive);
  if (run.wants(newTag)) await tellNewTags(run, stage);
  if (run.wants(memory)) await tellMemory(run, stage, { idleBytes, filledBytes });
}

async function measureDeep(run: BenchRun, stage: ScanStage): Promise<void> {
  run.note("filling an empty store: 100 repositories of 1,000 tags");
  const filled = await fillOf(stage);
  const naive = await sampleOf(run, stage, deepSize.tags);
  const figures = { value: filled.seconds, baseline: naive.seconds, budget: "" };
  const more = { ...filled.counts, "requests, baseline": naive.requests };
  run.tell(toRow({ name: deep, unit: "s", ...figures, baselineIs, more }));
}

interface Filled {
  readonly seconds: number;
  readonly counts: { readonly requests: number; readonly "metadata fetches": number };
}

async function fillOf(stage: ScanStage): Promise<Filled> {
  stage.registry.resetRequests();
  const seconds = await stage.fill();
  return { seconds, counts: countsOf(stage) };
}

function countsOf({ registry }: ScanStage): Filled["counts"] {
  const { total, manifestGet, blob } = registry.requests();
  return { requests: total, "metadata fetches": manifestGet + blob };
}

interface Sample {
  readonly seconds: number;
  readonly requests: number;
}

async function sampleOf(run: BenchRun, stage: ScanStage, tags: number): Promise<Sample> {
  const some = stage.repositories.slice(0, sampleTags / tags);
  run.note(`the baseline reads ${some.length} of the repositories`);
  const { seconds, requests } = await stage.naive(some);
  const times = stage.repositories.length / some.length;
  return { seconds: seconds * times, requests: requests * times };
}

async function tellSweeps(run: BenchRun, stage: ScanStage, naive: Sample): Promise<void> {
  run.note(`${sweeps} sweeps over what is known`);
  stage.registry.resetRequests();
  const times: number[] = [];
  for (let sweep = 0; sweep < sweeps; sweep += 1) times.push(await stage.sweep());
  if (!run.wants(nothingNew)) return;
  const counts = countsOf(stage);
  run.tell(
    toRow({
      name: nothingNew,
      value: quantile(times, 0.5),
      unit: "s",
      baseline: naive.seconds,
      budget: "20 s, 1 request a repository, no metadata",
      baselineIs,
      more: {
        "requests a sweep": counts.requests / sweeps,
        "metadata fetches": counts["metadata fetches"],
        "requests, baseline": naive.requests,
      },
    }),
  );
}

/** From a ring to the tag with its date in the store. */
async function tellNewTags(run: BenchRun, stage: ScanStage): Promise<void> {
  const { registry, store } = stage;
  const times: number[] = [];
  registry.resetRequests();
  for (const repository of stage.repositories.slice(0, pushes)) {
    const tag = "2.0.0";
    registry.addImage(repository, tag, { createdAt: new Date(), digestSeed: `${repository} ${tag}` });
    const beganMs = performance.now();
    await stage.ring(repository);
    const found = async (): Promise<boolean> => {
      const known = (await imagesOf(store.db, [keyOf(repository)])).get(keyOf(repository));
      return known?.images.some((image) => image.tag === tag && image.createdAt !== null) ?? false;
    };
    const what = `${repository}:${tag} in the store`;
    await pollUntil(found, { everyMs: 2, timeoutMs: 60_000, what, signal: run.signal });
    times.push((performance.now() - beganMs) / 1000);
  }
  const { requests } = countsOf(stage);
  const naive = await stage.naive(stage.repositories.slice(0, pushes));
  run.tell(
    toRow({
      name: newTag,
      value: quantile(times, 0.5),
      unit: "s",
      p99: quantile(times, 0.99),
      baseline: naive.seconds / pushes,
      budget: "3 requests",
      baselineIs: "manifest and config of every tag of that repository once more",
      more: { "requests a tag": requests / pushes, "requests a tag, baseline": naive.requests / pushes },
    }),
  );
}

interface Bytes {
  readonly idleBytes: number;
  readonly filledBytes: number;
}

/** It keeps no tags: what it holds is what Node leaves uncollected, whatever the number of repositories. */
async function tellMemory(run: BenchRun, stage: ScanStage, before: Bytes): Promise<void> {
  const bytes = await stage.residentBytes();
  run.tell(
    toRow({
      name: memory,
      value: bytes / mebibyte,
      unit: "MiB",
      baseline: before.idleBytes / mebibyte,
      budget: "",
      baselineIs: "the same process before its first scan",
      more: { "MiB more by sweeps and new tags": Math.round((bytes - before.filledBytes) / mebibyte) },
    }),
  );
}
