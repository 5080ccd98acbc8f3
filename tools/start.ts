import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "#common/kit/log.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { runMain } from "#common/kit/run-main.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { buildPage } from "./build-page.ts";
import { startInstallation, type Installation } from "./installation.ts";

/** `npm start`: all four services on this machine, with what is not configured as children. */
await runMain(async () => {
  const folder = join(process.cwd(), ".slipway");
  await mkdir(folder, { recursive: true });
  // Postgres runs as another user when we are root: its folder must be reachable.
  await chmod(folder, 0o711);
  const settingsFile = findSettingsFile({
    flag: flagValue("--config"),
    env: process.env,
    cwd: process.cwd(),
  });
  let installation: Installation | undefined;
  const services = {
    name: "slipway",
    async start() {
      await buildPage();
      installation = await startInstallation({
        folder,
        settingsFile,
        env: process.env,
        workers: Number(process.env["SLIPWAY_WORKERS"] ?? "2"),
        log: createLog({ service: "start", level: "warn", pretty: true }),
        databaseUrl: process.env["DATABASE_URL"],
        redisUrl: process.env["REDIS_URL"],
        adminToken: process.env["SLIPWAY_ADMIN_TOKEN"],
        httpPort: Number(process.env["SLIPWAY_HTTP_PORT"] ?? "3030"),
        durable: true,
      });
      const { url, postgresIs, queueIs } = installation;
      process.stdout.write(
        `Slipway at ${url} (${postgresIs}, ${queueIs}); logs in .slipway/logs. Ctrl-C ends it.\n`,
      );
    },
    stop: async () => installation?.stop(),
  };
  await runUntilSignal([services], { stopTimeoutMs: 60_000 });
});

function flagValue(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}
