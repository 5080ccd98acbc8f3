import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { bundleCli } from "../tools/bundle-cli.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";
import { onStage } from "./support/stage.ts";

const rounds = 40;
const warmUps = 3;
const budget = "0.15 s";
const baselineIs = "node -e 0: an empty program, in turn with ours";

const version = "cli.version";
const workloads = "cli.workloads";
const completion = "cli.completion";

/** From the start of the bundled command line to its end, beside Node alone. */
export const cliBench: Bench = {
  name: "cli",
  rows: [version, workloads, completion],
  async run(run) {
    const file = join(run.folder, "slipway.mjs");
    const { bytes } = await bundleCli(file);
    run.note(`bundled: ${Math.round(bytes / 1024)} KiB`);
    const bare = { HOME: run.folder };
    if (run.wants(version)) await tellRow(run, { name: version, args: [file, "version"], env: bare });
    if (!run.wants(workloads) && !run.wants(completion)) return;
    await onStage(run, { files: 14, sharing: 0 }, async ({ installation: { url, token } }) => {
      const env = { ...bare, SLIPWAY_URL: url, SLIPWAY_TOKEN: token };
      if (run.wants(workloads)) await tellRow(run, { name: workloads, args: [file, "workloads"], env });
      const line = [file, "__complete", "bash", "slipway release "];
      if (run.wants(completion)) await tellRow(run, { name: completion, args: line, env });
    });
  },
};

interface Started {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function tellRow(run: BenchRun, { name, args, env }: Started): Promise<void> {
  run.note(`measuring ${name}: ${rounds} starts`);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -warmUps; round < rounds; round += 1) {
    run.signal.throwIfAborted();
    const [one, other] = [await secondsOf(args, env), await secondsOf(["-e", "0"], env)];
    if (round < 0) continue;
    ours.push(one);
    theirs.push(other);
  }
  const [value, p99, baseline] = [quantile(ours, 0.5), quantile(ours, 0.99), quantile(theirs, 0.5)];
  run.tell(toRow({ name, value, unit: "s", p99, baseline, budget, baselineIs }));
}

async function secondsOf(args: readonly string[], env: Started["env"]): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [...args], {
    env: { ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`${args.slice(1).join(" ")} ended with ${code}`);
  return seconds;
}
