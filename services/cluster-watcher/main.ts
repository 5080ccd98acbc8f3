import { systemClock } from "#common/kit/clock.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi } from "#common/kit/kube.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { runMain } from "#common/kit/run-main.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { readWatcherConfig } from "./config.ts";
import { createClusterService } from "./grpc.ts";
import { createPullSecrets } from "./pull-secrets.ts";
import { watchEnvironment } from "./watch-environment.ts";
import { clusterDependencies, exposeWatches } from "./watch-metrics.ts";

await runMain(async () => {
  const config = readWatcherConfig(process.env);
  const kit = createProcessKit("cluster-watcher", config);
  const { log, trace, tracing, certificates, counts } = kit;
  const live = await openLiveSettings({
    ...kit,
    path: findSettingsFile({ env: process.env, cwd: process.cwd() }),
  });
  const { settings } = live;
  const watches = settings.environments.map((environment) =>
    watchEnvironment({
      environment,
      connect: () =>
        createKubeApi(environment.cluster, { allowExec: environment.cluster.allowExec === true }),
      clock: systemClock,
      log,
    }),
  );
  const withPullSecrets = settings.environments.filter(({ pullSecrets }) => pullSecrets === true);
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
  await runUntilSignal([...kit.parts, live, ...watches, server, ops], { log, exitWithParent: true });
});
