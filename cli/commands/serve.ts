import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Command } from "commander";

import { usageProblem } from "../problem.ts";

import type { CommandDeps } from "./common.ts";

/** `serve`: the four services in this process. */
export function addServe(program: Command, { io }: CommandDeps): void {
  program
    .command("serve")
    .summary("run all four services in one process, for small places")
    .description(
      "Runs API, watcher, scanner and one worker in this process until a signal, with Postgres at DATABASE_URL and Redis at REDIS_URL (without one the queue lives in Postgres). The same settings and variables as the services by themselves; between them nothing leaves this machine. It needs the whole of Slipway beside it, in a clone or the image.",
    )
    .option(
      "--config <file>",
      "the settings (else SLIPWAY_CONFIG, ./slipway.yaml, /etc/slipway/slipway.yaml)",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  DATABASE_URL=postgres://slipway@127.0.0.1/slipway SLIPWAY_ADMIN_TOKEN=… slipway serve\n  SLIPWAY_OPS_PORT=9090 slipway serve --config deploy/slipway.yaml",
    )
    .action(async ({ config }: { readonly config?: string }) => {
      const place = new URL("../../services/serve.ts", import.meta.url);
      if (!existsSync(place)) {
        throw usageProblem(
          "The services are not beside this command line",
          "Run it in a clone (node cli/main.ts serve) or in the image (cli/main.ts serve).",
        );
      }
      // Named at run time: the command line's one file must not carry the services.
      const { serve } = (await import(fileURLToPath(place))) as {
        readonly serve: (env: typeof io.env) => Promise<void>;
      };
      await serve({ ...io.env, ...(config !== undefined && { SLIPWAY_CONFIG: config }) });
    });
}
