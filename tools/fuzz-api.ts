import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** `node tools/fuzz-api.ts [--requests 10000] [--seed N]`: many requests made of the served document. */
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const root = join(import.meta.dirname, "..");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const child = spawn(process.execPath, [vitest, "run", "--project", "system", "test/fuzz/api-fuzz.test.ts"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, FUZZ_REQUESTS: values.requests, FUZZ_SEED: values.seed },
});
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
