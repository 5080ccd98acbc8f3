import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { runMain } from "#common/kit/run-main.ts";
import { startDemoWorld, type DemoWorld } from "./world.ts";

/**
 * The sandbox alone, for services that run elsewhere (compose.demo.yml): writes their settings and
 * credentials into `--folder` and answers under `--host` until it is told to stop.
 */
await runMain(async () => {
  const { values } = parseArgs({
    options: { folder: { type: "string", default: "/sandbox" }, host: { type: "string" } },
  });
  let world: DemoWorld | undefined;
  const sandbox = {
    name: "sandbox",
    async start() {
      await mkdir(values.folder, { recursive: true });
      const gitToken = randomBytes(18).toString("base64url");
      world = await startDemoWorld({ folder: values.folder, gitToken, host: values.host ?? hostname() });
      await chmod(world.settingsFile, 0o644);
      process.stdout.write(`sandbox: cluster, registry and git host; settings in ${world.settingsFile}\n`);
    },
    stop: async () => world?.stop(),
  };
  await runUntilSignal([sandbox]);
});
