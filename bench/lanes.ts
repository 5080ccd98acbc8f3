import { concurrentRow } from "./lanes/concurrent.ts";
import { measureAll, type Measured } from "./release/measured.ts";
import { createReleases } from "./release/releases.ts";
import type { Bench } from "./support/bench.ts";
import { onStage } from "./support/stage.ts";

const size = { files: 1_000, sharing: 20 };

const concurrent = (atOnce: number, budget: string): Measured => {
  const name = `lanes.concurrent-${atOnce}`;
  return {
    name,
    measure: (releases) => concurrentRow(releases, { name, atOnce, runs: 5, warmUps: 2, budget }),
  };
};

const measured = [concurrent(24, "2 s, 5 pushes"), concurrent(50, "3 s, 5 pushes")];

/** Many releases at once on one repository and two workers: they share pushes instead of waiting in line. */
export const lanesBench: Bench = {
  name: "lanes",
  rows: measured.map(({ name }) => name),
  run: (run) =>
    onStage(run, size, async (stage) => {
      await stage.installation.startWorker();
      await measureAll(run, createReleases(stage), measured);
    }),
};
