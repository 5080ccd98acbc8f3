import type { Command } from "commander";

import { createFakeIo } from "../../cli/testing/run.ts";
import { createProgram } from "../../cli/program.ts";
import { verbs } from "../../cli/verbs.ts";

/** The program with all of its verbs, connected to nothing. */
export async function wholeProgram(): Promise<Command> {
  return await createProgram({ io: createFakeIo([]), finish: () => {}, entries: verbs });
}
