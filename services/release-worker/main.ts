import { queueNames } from "#common/contracts/queue.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { runUntilSignal } from "#common/kit/lifecycle.ts";
import { createLog } from "#common/kit/log.ts";
import { createQueue } from "#common/kit/queue.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { runMain } from "#common/kit/run-main.ts";
import { findSettingsFile, loadSettings } from "#common/kit/settings.ts";
import { stdoutTrace } from "#common/kit/trace.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { createStore } from "#common/store/store.ts";
import { ReleaseServiceDefinition } from "#proto/slipway/release/v1/release.ts";
import { readWorkerConfig } from "./config.ts";
import type { WorkerDeps } from "./deps.ts";
import { createFault } from "./faults.ts";
import { createGitCaches } from "./git-caches.ts";
import { createReleaseService } from "./grpc.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createKubeApis } from "./kube-apis.ts";
import { createPeers } from "./peers.ts";
import { createTipReaders } from "./planning/tip-readers.ts";
import { createWorker } from "./worker.ts";

await runMain(async () => {
  const config = readWorkerConfig(process.env);
  const settings = await loadSettings(findSettingsFile({ env: process.env, cwd: process.cwd() }));
  const { databaseUrl, redisUrl, name, logLevel } = config;
  const redactor = createRedactor();
  const log = createLog({ service: name, level: logLevel, redactor });
  const trace = config.trace ? stdoutTrace(name) : undefined;
  const store = createStore({ databaseUrl, log });
  const bell = createQueue({ redisUrl, databaseUrl, log, trace });
  const gitCaches = createGitCaches({ folder: config.cacheFolder, env: process.env, log, redactor });
  const gitOf: WorkerDeps["gitOf"] = (environment) => gitCaches.of(environment);
  const kubeApis = createKubeApis();
  const peers = createPeers(config, log);
  const deps: WorkerDeps = {
    workerId: newUuidV7(),
    settings,
    store,
    log,
    clock: systemClock,
    cluster: peers.cluster,
    registry: peers.registry,
    newId: newUuidV7,
    heartbeat: createHeartbeat(systemClock),
    fault: createFault(config.fault, (signal) => process.kill(process.pid, signal)),
    gitOf,
    tipsOf: createTipReaders({ store, gitOf }),
    kubeOf: (environment) => kubeApis.of(environment),
    ring: (subject) => bell.ring(queueNames.worker, subject),
  };
  const worker = createWorker({ deps, bell, name });
  const services = [[ReleaseServiceDefinition, createReleaseService(deps)]] as const;
  const server = createGrpcServer({ ...config.grpc, services, log, trace });
  await runUntilSignal([store, bell, peers, gitCaches, kubeApis, worker, server], {
    log,
    exitWithParent: true,
  });
});
