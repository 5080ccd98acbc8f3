import type { Command } from "commander";

import { CliProblem, exitCodes } from "../problem.ts";
import { safe } from "../print/safe.ts";
import { openSession, show } from "../session.ts";
import type { CommonOptions } from "../session.ts";
import { version } from "../version.ts";

import { addCommonOptions } from "./common.ts";
import type { CommandDeps } from "./common.ts";

/** `version`: this program's, and the server's when there is one. */
export function addVersion(program: Command, deps: CommandDeps): void {
  const command = program
    .command("version")
    .summary("this program's version, and the server's")
    .description("Shows the version of this program, and of the server when one is found.")
    .addHelpText("after", "\nExamples:\n  slipway version\n  slipway version -o json");
  addCommonOptions(command).action(async function showVersion(this: Command) {
    const options = this.opts<CommonOptions>();
    const server = await askServer(deps, options);
    const lines = [`slipway ${version}`, ...(server === undefined ? [] : [safe(serverLine(server))])];
    const data = { client: version, server: server ?? null };
    show({ io: deps.io, options }, { data, names: [version], lines: () => lines });
    deps.finish(exitCodes.ok);
  });
}

interface ServerAnswer {
  readonly url: string | null;
  readonly version: string | null;
  readonly problem: string | null;
}

async function askServer(deps: CommandDeps, options: CommonOptions): Promise<ServerAnswer | undefined> {
  let url: string | null = null;
  try {
    const session = await openSession(deps.io, options);
    url = session.api.url;
    return { url, version: await session.api.serverVersion(), problem: null };
  } catch (error) {
    if (!(error instanceof CliProblem)) throw error;
    // The program's own version is the answer; a missing server is only told.
    return error.code === "NO_SERVER" ? undefined : { url, version: null, problem: error.message };
  }
}

function serverLine(server: ServerAnswer): string {
  return server.version === null
    ? `server unknown: ${server.problem ?? ""}`
    : `server ${server.version} at ${server.url ?? ""}`;
}
