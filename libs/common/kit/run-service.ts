import { realpathSync } from "node:fs";

import { runUntilSignal } from "./lifecycle.ts";
import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import { runMain } from "./run-main.ts";

/** A service put together: its parts, in the order they start. */
export interface OpenedService {
  readonly parts: readonly Service[];
  readonly log: Log;
}

/**
 * A service's main.ts as a program: opens it, and runs it until a signal. Where the file was imported
 * (`slipway serve` opens all four in one process) nothing happens.
 */
export async function runService(meta: ImportMeta, open: () => Promise<OpenedService>): Promise<void> {
  if (!isProgram(meta.filename)) return;
  await runMain(async () => {
    const { parts, log } = await open();
    await runUntilSignal(parts, { log, exitWithParent: true });
  });
}

function isProgram(filename: string): boolean {
  const [, program] = process.argv;
  return program !== undefined && realpathSync(program) === filename;
}
