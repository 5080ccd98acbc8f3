import { parseArgs } from "node:util";

import { systemClock } from "#common/kit/clock.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { createLog } from "#common/kit/log.ts";
import { createQueue } from "#common/kit/queue.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { runMain } from "#common/kit/run-main.ts";
import { loadSettings } from "#common/kit/settings.ts";
import { stdoutTrace } from "#common/kit/trace.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { createStore } from "#common/store/store.ts";

import { readConfig } from "./config.ts";
import { createHttpServer } from "./http-server.ts";
import { createPeers } from "./peers.ts";

await runMain(async () => {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  const cwd = process.cwd();
  const config = readConfig({ env: process.env, flag: values.config, cwd });
  const settings = await loadSettings(config.settingsFile);
  const redactor = createRedactor();
  redactor.add(config.adminToken);
  const log = createLog({ service: config.name, level: config.logLevel, redactor });
  const trace = config.trace ? stdoutTrace(config.name) : undefined;
  const { databaseUrl, redisUrl, host, port, adminToken, writesPerMinute } = config;
  const store = createStore({ databaseUrl, log, poolSize: 20 });
  const bell = createQueue({ databaseUrl, redisUrl, log, trace });
  const peers = createPeers(config, { log, ...(trace !== undefined && { trace }) });
  const { cluster, registry, workers } = peers;
  const server = createHttpServer({
    parts: {
      settings,
      store,
      bell,
      cluster,
      registry,
      workers,
      dependencies: [{ name: "postgres", needed: true, check: () => store.ping() }, ...peers.dependencies],
      log,
      clock: systemClock,
      newId: newUuidV7,
      writesPerMinute,
    },
    host,
    port,
    adminToken,
    teller: {
      print: process.stdout.isTTY ? (text) => void process.stdout.write(text) : undefined,
      folder: cwd,
    },
  });
  await runUntilSignal([store, bell, peers, server], { log, exitWithParent: true });
});
