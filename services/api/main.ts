import { parseArgs } from "node:util";

import { systemClock } from "#common/kit/clock.ts";
import { countEndings } from "#common/kit/job-metrics.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { createQueue } from "#common/kit/queue.ts";
import { runMain } from "#common/kit/run-main.ts";
import { createSecretReader } from "#common/kit/settings.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { exposePool, exposeWork } from "#common/store/store-metrics.ts";
import { createStore } from "#common/store/store.ts";

import { readConfig } from "./config.ts";
import { createHttpServer } from "./http-server.ts";
import { createApiMetrics } from "./metrics.ts";
import { createPeers } from "./peers.ts";

await runMain(async () => {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  const cwd = process.cwd();
  const config = readConfig({ env: process.env, flag: values.config, cwd });
  const { host, port, adminToken, writesPerMinute } = config;
  const kit = createProcessKit("api", config);
  const { log, redactor, trace, tracing, certificates, counts } = kit;
  const live = await openLiveSettings({ ...kit, path: config.settingsFile });
  const { settings } = live;
  redactor.add(adminToken);
  const store = createStore({
    ...config,
    installation: settings.installation,
    log,
    poolSize: 20,
    endings: countEndings(kit.metrics),
  });
  exposePool(kit.metrics, store);
  exposeWork(kit.metrics, store);
  const bell = createQueue({ ...config, log, trace });
  const peers = createPeers(config, {
    log,
    certificates,
    counts,
    tracing,
    ...(trace !== undefined && { trace }),
  });
  const { cluster, registry, workers } = peers;
  const postgres = { name: "postgres", needed: true, check: () => store.ping() };
  const dependencies = [postgres, bell.dependency, ...peers.dependencies];
  const server = createHttpServer({
    parts: {
      settings,
      store,
      bell,
      cluster,
      registry,
      workers,
      dependencies,
      log,
      clock: systemClock,
      newId: newUuidV7,
      writesPerMinute,
      tracing,
      trustedProxies: config.trustedProxies,
      metrics: createApiMetrics(kit.metrics),
      secretOf: createSecretReader({ env: process.env, redactor }),
    },
    host,
    port,
    adminToken,
    onSettings: (listener) => live.onChange(listener),
    teller: {
      print: process.stdout.isTTY ? (text) => void process.stdout.write(text) : undefined,
      folder: cwd,
    },
  });
  const ops = createOpsServer({ ...config.ops, ...kit, dependencies });
  await runUntilSignal([...kit.parts, store, bell, peers, server, live, ops], { log, exitWithParent: true });
});
