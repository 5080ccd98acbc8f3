import { measureAll, wanted, type Measured } from "./release/measured.ts";
import { createReleases } from "./release/releases.ts";
import { nothingToDoRow, sharedImageRow, singleRow, type SingleOptions } from "./release/single.ts";
import type { Bench } from "./support/bench.ts";
import type { ShopSize } from "./support/shop.ts";
import { onStage } from "./support/stage.ts";

const single = (options: SingleOptions): Measured => ({
  name: options.name,
  measure: (releases) => singleRow(releases, options),
});
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

interface Scene {
  readonly size: ShopSize;
  readonly measured: readonly Measured[];
}

const scenes: readonly Scene[] = [
  {
    size: { files: 28, sharing: 0 },
    measured: [
      single({ name: "release.28-files", runs: 60, warmUps: 5, budget: "p50 0.15 s, p99 0.4 s" }),
      nothing,
    ],
  },
  {
    size: { files: 1_000, sharing: 20 },
    measured: [
      single({ name: "release.1000-files", runs: 40, warmUps: 5, budget: "p50 0.2 s, p99 0.5 s" }),
      shared,
    ],
  },
  {
    size: { files: 4_000, sharing: 20 },
    measured: [single({ name: "release.4000-files", runs: 15, warmUps: 2, budget: "–" })],
  },
];

/** POST → pushed commit, durable and over HTTP, beside what the peers' way costs on the same host. */
export const releaseBench: Bench = {
  name: "release",
  rows: scenes.flatMap(({ measured }) => measured.map(({ name }) => name)),
  async run(run) {
    for (const { size, measured } of scenes) {
      if (wanted(run, measured).length === 0) continue;
      await onStage(run, size, (stage) => measureAll(run, createReleases(stage), measured));
    }
  },
};
