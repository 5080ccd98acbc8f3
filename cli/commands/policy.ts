import type { Command } from "commander";

import type { CommandDeps } from "./common.ts";
import { addPolicyTest } from "./policy-test.ts";

/** `policy`: reads and changes policies; `policy test` needs no server. */
export function addPolicy(program: Command, deps: CommandDeps): void {
  const policy = program.command("policy").summary("try a tag filter on a list of tags");
  addPolicyTest(policy, deps);
}
