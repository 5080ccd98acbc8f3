import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { failureText } from "#common/kit/lifecycle.ts";
import { apiBench } from "./api.ts";
import { applyBench } from "./apply.ts";
import { automationBench } from "./automation.ts";
import { cliBench } from "./cli.ts";
import { editBench } from "./edit.ts";
import { gitBench } from "./git.ts";
import { lanesBench } from "./lanes.ts";
import { releaseBench } from "./release.ts";
import { scanBench } from "./scan.ts";
import { startBench } from "./start.ts";
import type { Bench } from "./support/bench.ts";
import { rowJson, rowTable, type Row } from "./support/row.ts";
import { webBench } from "./web.ts";
import { webhookBench } from "./webhook.ts";
import { workloadsBench } from "./workloads.ts";

/** `npm run bench -- NAME… [--json]`: measures rows of DESIGN §7, each beside its baseline. */

const benches: readonly Bench[] = [
  releaseBench,
  apiBench,
  lanesBench,
  workloadsBench,
  webhookBench,
  scanBench,
  applyBench,
  automationBench,
  editBench,
  gitBench,
  cliBench,
  startBench,
  webBench,
];

const usage = `npm run bench -- [NAME…] [--json]

A name is a family or one of its rows; without a name everything is measured:
${benches.map(({ name, rows }) => `  ${[name, ...rows].join("\n    ")}\n`).join("")}`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const asked = readArgs(args);
  if (typeof asked === "string") {
    process.stderr.write(asked);
    return 2;
  }
  const interrupted = interruption();
  try {
    const rows: Row[] = [];
    for (const bench of benches.filter((one) => isAsked(one, asked.names))) {
      rows.push(...(await measure(bench, { ...asked, signal: interrupted })));
    }
    if (!asked.json) process.stdout.write(rowTable(rows));
    return 0;
  } catch (error) {
    if (interrupted.aborted) return 130;
    process.stderr.write(failureText(error));
    return 1;
  }
}

interface Asked {
  readonly names: readonly string[];
  readonly json: boolean;
}

/** What is asked for, or what to say instead. */
function readArgs(args: readonly string[]): Asked | string {
  const known = benches.flatMap(({ name, rows }) => [name, ...rows]);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
    });
    const unknown = positionals.filter((name) => !known.includes(name));
    if (unknown.length > 0) return `bench: there is no ${unknown.join(", ")}\n\n${usage}`;
    return values.help === true ? usage : { names: positionals, json: values.json };
  } catch (cause) {
    return `bench: ${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`;
  }
}

function isAsked(bench: Bench, names: readonly string[]): boolean {
  return names.length === 0 || [bench.name, ...bench.rows].some((name) => names.includes(name));
}

/** One family in a folder of its own; what it started is gone when this ends. */
async function measure(bench: Bench, asked: Asked & { signal: AbortSignal }): Promise<Row[]> {
  const { names, json, signal } = asked;
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  // Postgres runs as another user when we are root: its folder must be reachable.
  await chmod(folder, 0o711);
  const rows: Row[] = [];
  const whole = names.length === 0 || names.includes(bench.name);
  try {
    await bench.run({
      folder,
      signal,
      wants: (row) => whole || names.includes(row),
      tell(row) {
        rows.push(row);
        if (json) process.stdout.write(`${rowJson(row)}\n`);
      },
      note: (text) => process.stderr.write(`bench: ${text}\n`),
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  return rows;
}

/** The first Ctrl-C ends the run and cleans up, a second one ends us at once (children go with us). */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Error("interrupted"));
    });
  }
  return controller.signal;
}
