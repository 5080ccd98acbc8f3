import { spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { describeUsed, forgetSystems, readSystems } from "./real-systems.ts";
import { closingLine, countTests, type VitestReport } from "./test-counts.ts";

/** `npm test`: every test, then the real systems they ran on, those that were missing, and one closing line. */

const root = join(import.meta.dirname, "..");
const reportFile = join(root, ".cache/test-report.json");
const print = (text: string): void => void process.stdout.write(`${text}\n`);

await mkdir(join(root, ".cache"), { recursive: true });
await forgetSystems();
await rm(reportFile, { force: true });
const exitCode = await runVitest(process.argv.slice(2));
const { used, missing } = await readSystems();
print("\nReal systems used:");
for (const line of await describeUsed(used, process.env)) print(`  ${line}`);
if (missing.length > 0) print("Skipped, because this machine lacks them:");
for (const { name, howToGet } of missing) print(`  ${name}: ${howToGet ?? ""}`);
const counts = countTests(await readReport(), exitCode);
print("");
print(closingLine(counts));
process.exitCode = counts.failed > 0 || exitCode !== 0 ? 1 : 0;

function runVitest(args: readonly string[]): Promise<number> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  // A container engine is not asked of everybody: `npm run test:compose`.
  const projects = ["--project=unit", "--project=system"];
  const child = spawn(process.execPath, [vitest, "run", ...projects, ...reporters, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  // A Ctrl-C reaches the child by itself; what is sent to us alone is passed on.
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  process.on("SIGINT", () => undefined);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function readReport(): Promise<VitestReport | undefined> {
  try {
    return JSON.parse(await readFile(reportFile, "utf8")) as VitestReport;
  } catch (error) {
    // Without a report (a crash, a bad argument) the run counts as failed.
    process.stderr.write(`no test report: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
