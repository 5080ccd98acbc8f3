import { systemClock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import { createClusterClient } from "#common/kit/cluster-client.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { createQueue } from "#common/kit/queue.ts";
import { runService, type OpenedService } from "#common/kit/run-service.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { exposePool } from "#common/store/store-metrics.ts";
import { createStore } from "#common/store/store.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import { createClientSource } from "./client-source.ts";
import { readScannerConfig } from "./config.ts";
import { createRegistryService } from "./grpc.ts";
import { rememberPlatforms } from "./node-platforms.ts";
import { openScanner } from "./open-scanner.ts";

/** The scanner, put together. */
export async function openRegistryScanner(env: Env): Promise<OpenedService> {
  const config = readScannerConfig(env);
  const kit = createProcessKit("registry-scanner", config);
  const { log, redactor, trace, tracing, certificates, counts } = kit;
  const live = await openLiveSettings({ ...kit, path: findSettingsFile({ env, cwd: process.cwd() }) });
  const { settings } = live;
  const { registries, dockerConfigFile, allowPrivateRegistries: allowPrivate } = settings;
  const clock = systemClock;
  const store = createStore({ ...config, installation: settings.installation, log });
  const bell = createQueue({ ...config, log, trace });
  const address = config.watcherAddress;
  const running = createClusterClient({ address, log, certificates, counts, tracing });
  const environments = settings.environments.map(({ name }) => name);
  const nodes = rememberPlatforms(running, environments);
  const withPullSecrets = settings.environments.filter(({ pullSecrets }) => pullSecrets === true);
  const pullSecrets = { source: running, environments: withPullSecrets.map(({ name }) => name) };
  const platforms = () => nodes.known();
  const reached = { registries, dockerConfigFile, pullSecrets, allowPrivate, proxy: config.proxy };
  const clients = createClientSource({ ...reached, platforms, env, redactor, log, clock });
  const scanner = openScanner({ settings, kit, store, bell, clients, running: nodes.source });
  const server = createGrpcServer({
    host: config.grpcHost,
    port: config.grpcPort,
    services: [[RegistryServiceDefinition, createRegistryService({ store, scanner })]],
    log,
    trace,
    certificates,
    counts,
    tracing,
  });
  exposePool(kit.metrics, store);
  const postgres = { name: "postgres", needed: true, check: () => store.ping() };
  const dependencies = [postgres, bell.dependency];
  const ops = createOpsServer({ ...config.ops, ...kit, dependencies });
  return { parts: [...kit.parts, live, store, bell, clients, scanner, server, ops], log };
}

await runService(import.meta, () => openRegistryScanner(process.env));
