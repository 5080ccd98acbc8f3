import { queueNames } from "#common/contracts/queue.ts";
import { systemClock } from "#common/kit/clock.ts";
import { boundEnvironments } from "#common/kit/bound-environments.ts";
import type { Env } from "#common/kit/env.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { openLiveSettings } from "#common/kit/live-settings.ts";
import { createOpsServer } from "#common/kit/ops-server.ts";
import { createProcessKit } from "#common/kit/process-kit.ts";
import { createQueue } from "#common/kit/queue.ts";
import { runService, type OpenedService } from "#common/kit/run-service.ts";
import { createSecretReader, findSettingsFile } from "#common/kit/settings.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { exposePool } from "#common/store/store-metrics.ts";
import { createStore } from "#common/store/store.ts";
import { ReleaseServiceDefinition } from "#proto/slipway/release/v1/release.ts";
import { readWorkerConfig } from "./config.ts";
import type { WorkerDeps } from "./deps.ts";
import { createFault, strikeSelf } from "./faults.ts";
import { createGitCaches } from "./git-caches.ts";
import { createReleaseService } from "./grpc.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createKubeApis } from "./kube-apis.ts";
import { createWorkerMetrics } from "./metrics.ts";
import { createNotifier } from "./notify/notifier.ts";
import { createPeers } from "./peers.ts";
import { createTipReaders } from "./planning/tip-readers.ts";
import { createWorker } from "./worker.ts";

/** The worker, put together. */
export async function openWorker(env: Env): Promise<OpenedService> {
  const config = readWorkerConfig(env);
  const kit = createProcessKit("release-worker", config);
  const { log, redactor, trace, tracing, certificates, counts } = kit;
  const live = await openLiveSettings({ ...kit, path: findSettingsFile({ env, cwd: process.cwd() }) });
  const { settings } = live;
  const metrics = createWorkerMetrics(kit.metrics);
  const store = createStore({
    ...config,
    installation: settings.installation,
    log,
    endings: metrics.endings,
  });
  const bell = createQueue({ ...config, log, trace });
  const gitCaches = createGitCaches({ folder: config.cacheFolder, env, log, redactor });
  const kubeApis = createKubeApis(redactor);
  const peers = createPeers(config, kit);
  const deps: WorkerDeps = {
    workerId: newUuidV7(),
    settings,
    get environments() {
      return boundEnvironments(settings, config.environments);
    },
    store,
    log,
    clock: systemClock,
    ...peers.clients,
    newId: newUuidV7,
    heartbeat: createHeartbeat(systemClock),
    metrics,
    tracing,
    fault: createFault(config.fault, strikeSelf),
    gitOf: gitCaches.of,
    tipsOf: createTipReaders({ store, gitOf: gitCaches.of, onParse: metrics.manifestParsed }),
    kubeOf: kubeApis.of,
    ring: (subject) => bell.ring(queueNames.worker, subject),
    redact: (text) => redactor.redact(text),
  };
  const worker = createWorker({ deps, bell, name: config.name });
  const secretOf = createSecretReader({ env, redactor });
  const notifier = createNotifier({ ...deps, secretOf });
  const services = [[ReleaseServiceDefinition, createReleaseService(deps)]] as const;
  const server = createGrpcServer({
    ...config.grpc,
    services,
    log,
    trace,
    certificates,
    counts,
    tracing,
    progress: worker.progress,
  });
  exposePool(kit.metrics, store);
  metrics.exposeProgress(worker.progress);
  const postgres = { name: "postgres", needed: true, check: () => store.ping() };
  const dependencies = [postgres, bell.dependency];
  const ops = createOpsServer({ ...config.ops, ...kit, dependencies, progress: worker.progress });
  const parts = [...kit.parts, live, store, bell, peers, gitCaches, kubeApis, worker, notifier, server, ops];
  return { parts, log };
}

await runService(import.meta, () => openWorker(process.env));
