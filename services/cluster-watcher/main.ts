import { systemClock } from "#common/kit/clock.ts";
import { boundEnvironments } from "#common/kit/bound-environments.ts";
import type { Env } from "#common/kit/env.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { runService, type OpenedService } from "#common/kit/run-service.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { readWatcherConfig } from "./config.ts";
import { createClusterService } from "./grpc.ts";
import { createPullSecrets } from "./pull-secrets.ts";
import { watchEnvironment } from "./watch-environment.ts";
import { clusterDependencies, exposeWatches } from "./watch-metrics.ts";

/** The watcher, put together. */
export async function openWatcher(env: Env): Promise<OpenedService> {
  const config = readWatcherConfig(env);
  const kit = createProcessKit("cluster-watcher", config);
  const { log, trace, tracing, certificates, counts } = kit;
  const live = await openLiveSettings({ ...kit, path: findSettingsFile({ env, cwd: process.cwd() }) });
  const { settings } = live;
  const environments = boundEnvironments(settings, config.environments);
  const watches = environments.map((environment) =>
    watchEnvironment({
      environment,
      connect: () =>
        createKubeApi(environment.cluster, { allowExec: environment.cluster.allowExec === true }),
      clock: systemClock,
      log,
    }),
  );
  const withPullSecrets = environments.filter(({ pullSecrets }) => pullSecrets === true);
  const readPullSecrets = createPullSecrets({
    environments: new Set(withPullSecrets.map(({ name }) => name)),
    clock: systemClock,
  });
  const server = createGrpcServer({
    host: config.grpcHost,
    port: config.grpcPort,
    services: [
      [
        ClusterServiceDefinition,
        createClusterService(watches, { readPullSecrets, mutualTls: certificates !== undefined }),
      ],
    ],
    log,
    trace,
    certificates,
    counts,
    tracing,
  });
  exposeWatches(kit.metrics, watches);
  const ops = createOpsServer({ ...config.ops, ...kit, dependencies: clusterDependencies(watches) });
  return { parts: [...kit.parts, live, ...watches, server, ops], log };
}

await runService(import.meta, () => openWatcher(process.env));
