import { concurrentRow } from "./release/concurrent.ts";
import { createReleases, type Releases } from "./release/releases.ts";
import { nothingToDoRow, sharedImageRow, singleRow } from "./release/single.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import type { Row } from "./support/row.ts";
import { onStage } from "./support/stage.ts";

const small = { files: 28, sharing: 0 };
const large = { files: 1_000, sharing: 20 };

interface Measured {
  readonly name: string;
  measure(releases: Releases): Promise<Row>;
}

const single28: Measured = {
  name: "release.28-files",
  measure: (releases) =>
    singleRow(releases, {
      name: single28.name,
      runs: 60,
      warmUps: 5,
      budget: "p50 0.15 s, p99 0.4 s",
    }),
};
const single1000: Measured = {
  name: "release.1000-files",
  measure: (releases) =>
    singleRow(releases, {
      name: single1000.name,
      runs: 40,
      warmUps: 5,
      budget: "p50 0.2 s, p99 0.5 s",
    }),
};
const shared: Measured = {
  name: "release.shared-image-20",
  measure: (releases) =>
    sharedImageRow(releases, { name: shared.name, runs: 12, warmUps: 2, budget: "0.6 s" }),
};
const nothing: Measured = {
  name: "release.nothing-to-do",
  measure: (releases) =>
    nothingToDoRow(releases, { name: nothing.name, runs: 20, warmUps: 3, budget: "p50 0.1 s" }),
};
const concurrent = (atOnce: number, budget: string): Measured => ({
  name: `release.concurrent-${atOnce}`,
  measure: (releases) =>
    concurrentRow(releases, { name: `release.concurrent-${atOnce}`, atOnce, runs: 5, warmUps: 2, budget }),
});

const onSmall = [single28, nothing];
const onLarge = [single1000, shared];
const onLargeWithTwoWorkers = [concurrent(24, "2 s, 5 pushes"), concurrent(50, "3 s, 5 pushes")];

/** POST → pushed commit, durable and over HTTP, beside what the peers' way costs on the same host. */
export const releaseBench: Bench = {
  name: "release",
  rows: [...onSmall, ...onLarge, ...onLargeWithTwoWorkers].map(({ name }) => name),
  async run(run) {
    if (wanted(run, onSmall).length > 0) {
      await onStage(run, small, (stage) => measureAll(run, createReleases(stage), onSmall));
    }
    if (wanted(run, [...onLarge, ...onLargeWithTwoWorkers]).length === 0) return;
    await onStage(run, large, async (stage) => {
      const releases = createReleases(stage);
      await measureAll(run, releases, onLarge);
      if (wanted(run, onLargeWithTwoWorkers).length === 0) return;
      await stage.installation.startWorker();
      await measureAll(run, releases, onLargeWithTwoWorkers);
    });
  },
};

function wanted(run: BenchRun, measured: readonly Measured[]): readonly Measured[] {
  return measured.filter(({ name }) => run.wants(name));
}

async function measureAll(run: BenchRun, releases: Releases, measured: readonly Measured[]): Promise<void> {
  for (const one of wanted(run, measured)) {
    run.note(`measuring ${one.name}`);
    run.tell(await one.measure(releases));
  }
}
