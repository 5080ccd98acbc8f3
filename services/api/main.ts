import { parseArgs } from "node:util";

import { systemClock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import { countEndings } from "#common/kit/job-metrics.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { createQueue } from "#common/kit/queue.ts";
import { runService, type OpenedService } from "#common/kit/run-service.ts";
import { createSecretReader } from "#common/kit/settings.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { exposePool, exposeWork } from "#common/store/store-metrics.ts";
import { createStore } from "#common/store/store.ts";

import { readConfig } from "./config.ts";
import { createHttpServer } from "./http-server.ts";
import { createApiMetrics } from "./metrics.ts";
import { createPeers } from "./peers.ts";

/** The API, put together; `flag` is its `--config`. */
export async function openApi(env: Env, flag?: string): Promise<OpenedService> {
  const cwd = process.cwd();
  const config = readConfig({ env, flag, cwd });
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
      secretOf: createSecretReader({ env, redactor }),
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
  return { parts: [...kit.parts, store, bell, peers, server, live, ops], log };
}

await runService(import.meta, async () => {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  return openApi(process.env, values.config);
});
