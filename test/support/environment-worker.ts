import { join } from "node:path";

import type { Settings } from "#common/contracts/settings.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createGrpcClient } from "#common/kit/grpc.ts";
import { createKubeApi, type KubeApi, type KubeRequest } from "#common/kit/kube.ts";
import { silentLog, type Log } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import { noTracing } from "#common/kit/tracing.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import type { Store } from "#common/store/store.ts";
import { beat, registerWorker, removeWorker } from "#common/store/workers.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";

import { createAutomationRoom } from "../../services/release-worker/automation/look-at-automation.ts";
import type { WorkerDeps } from "../../services/release-worker/deps.ts";
import { createEnvironmentRoom } from "../../services/release-worker/environment/look-at-environment.ts";
import type { FaultPoint } from "../../services/release-worker/faults.ts";
import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import { createTipReaders } from "../../services/release-worker/planning/tip-readers.ts";
import { createHeartbeat } from "../../services/release-worker/heartbeat.ts";
import { createWorkerMetrics } from "../../services/release-worker/metrics.ts";
import { createWaitRoom, type WaitRoom } from "../../services/release-worker/gates/look-at-waits.ts";
import { createLaneRoom } from "../../services/release-worker/lane/look-at-lane.ts";

/** What a worker throws where a test wants it dead: nothing of it acts any more, its leases stay behind. */
export class Killed extends Error {}

/** Both rooms of a worker in this process; it looks by itself until it is stopped or killed. */
export interface EnvironmentWorker {
  readonly id: string;
  /** Runs `act` at the named point, once. */
  at(point: FaultPoint, act: () => void): void;
  /** Dies at the named point, the next time it comes there, or after it has passed it so many times. */
  dieAt(point: FaultPoint, passes?: number): void;
  /** Begins no turn until `resume`; one that runs goes on. */
  pause(): void;
  resume(): void;
  /** Is asked before each request to the API server; what it returns is waited for. */
  beforeRequest(act: ((request: KubeRequest) => Promise<void> | undefined) | undefined): void;
  /** Requests to the API server so far that may have changed something. */
  writes(): readonly KubeRequest[];
  /** Resolves once it is dead and its leases may be taken. */
  readonly died: Promise<void>;
  kill(): void;
  /** Its leases may be taken, as after a long freeze; it does not know and goes on. */
  lapse(): Promise<void>;
  stop(): Promise<void>;
}

export interface WorkerParts {
  readonly store: Store;
  readonly settings: Settings;
  readonly laneId: string;
  readonly folder: string;
  readonly watcherAddress: string;
  readonly log?: Log;
}

interface Life {
  dead: boolean;
  lapsed: boolean;
  paused: boolean;
  stopped: boolean;
  before: ((request: KubeRequest) => Promise<void> | undefined) | undefined;
  readonly writes: KubeRequest[];
  /** Resolves when the worker is stopped. */
  readonly over: PromiseWithResolvers<void>;
}

const lookEveryMs = 30;

export async function startEnvironmentWorker(parts: WorkerParts): Promise<EnvironmentWorker> {
  const { store, settings } = parts;
  const id = newUuidV7();
  const acts = new Map<FaultPoint, () => void>();
  const life: Life = {
    dead: false,
    lapsed: false,
    paused: false,
    stopped: false,
    before: undefined,
    writes: [],
    over: Promise.withResolvers(),
  };
  const died = Promise.withResolvers<void>();
  const cluster = createGrpcClient(ClusterServiceDefinition, { address: parts.watcherAddress });
  const kube = await createKubeApi(settings.environments[0]?.cluster ?? {});
  const git = gitOf(parts, id);
  const fault = (point: FaultPoint): void => {
    const act = acts.get(point);
    acts.delete(point);
    act?.();
  };
  const deps = depsOf({ parts, id, life, fault, cluster, kube, git });
  await registerWorker(store.db, { id, name: `worker-${id.slice(-4)}` });
  const rooms = roomsOf(deps);
  const stopping = new AbortController();
  const kill = (): void => {
    life.dead = true;
    stopping.abort();
    rooms.environment.stop();
    void removeWorker(store.db, id).then(died.resolve, died.reject);
  };
  const running = keepLooking({ parts, id, life, rooms, signal: stopping.signal });
  return {
    id,
    ...faultHands(acts, kill),
    pause: () => {
      life.paused = true;
    },
    resume: () => {
      life.paused = false;
    },
    beforeRequest: (act) => {
      life.before = act;
    },
    writes: () => life.writes,
    died: died.promise,
    kill,
    async lapse() {
      life.lapsed = true;
      await removeWorker(store.db, id);
    },
    async stop() {
      if (life.stopped) return;
      life.stopped = true;
      life.over.resolve();
      stopping.abort();
      rooms.environment.stop();
      await running;
      await removeWorker(store.db, id);
      cluster.close();
      await kube.close();
      await git.dispose();
    },
  };
}

function roomsOf(deps: WorkerDeps): Looking["rooms"] {
  return {
    lane: createLaneRoom(deps),
    environment: createEnvironmentRoom(deps),
    waits: createWaitRoom(deps),
    automation: createAutomationRoom(deps),
  };
}

function faultHands(
  acts: Map<FaultPoint, () => void>,
  kill: () => void,
): Pick<EnvironmentWorker, "at" | "dieAt"> {
  return {
    at: (point, act) => void acts.set(point, act),
    dieAt: (point, passes = 0) => {
      const arm = (left: number): void =>
        void acts.set(point, () => {
          if (left > 0) return arm(left - 1);
          kill();
          throw new Killed(`killed at ${point}`);
        });
      arm(passes);
    },
  };
}

function gitOf({ settings, folder }: WorkerParts, id: string) {
  return createGitCache({
    target: {
      url: settings.environments[0]?.git.url ?? "",
      branch: "main",
      username: "slipway",
      token: "secret",
      allowHttp: true,
    },
    folder: join(folder, id),
    pushTimeoutMs: 5_000,
  });
}

interface DepsParts {
  readonly parts: WorkerParts;
  readonly id: string;
  readonly life: Life;
  readonly fault: WorkerDeps["fault"];
  readonly cluster: WorkerDeps["cluster"];
  readonly kube: KubeApi;
  readonly git: ReturnType<typeof createGitCache>;
}

function depsOf({ parts, id, life, fault, cluster, kube, git }: DepsParts): WorkerDeps {
  return {
    workerId: id,
    settings: parts.settings,
    store: mortalStore(parts.store, life),
    log: parts.log ?? silentLog,
    clock: systemClock,
    newId: () => newUuidV7(),
    heartbeat: createHeartbeat(systemClock),
    tracing: noTracing,
    metrics: createWorkerMetrics(createMetrics({ service: "release-worker", process: false })),
    cluster,
    registry,
    fault,
    gitOf: () => git,
    tipsOf: createTipReaders({ store: parts.store, gitOf: () => git }),
    kubeOf: async () => mortalKube(kube, life),
    ring: async () => undefined,
    redact: (text) => redactor.redact(text),
  };
}

/** It knows one secret, which every container of the sandbox writes to its log. */
const redactor = createRedactor();
redactor.add("listening on :8080");

/** Every tag exists. */
const registry = {
  listImages: async () => ({ repositories: [] }),
  refresh: async () => ({ tagFound: true, repository: undefined }),
} as unknown as WorkerDeps["registry"];

function assertAlive(life: Life): void {
  if (life.dead) throw new Killed("dead workers do nothing");
}

/** The database of a process that can die: afterwards nothing reaches it. */
function mortalStore(store: Store, life: Life): Store {
  return {
    ...store,
    get db() {
      assertAlive(life);
      return store.db;
    },
    async fenced(lease, act) {
      assertAlive(life);
      return store.fenced(lease, act);
    },
    async transaction(act) {
      assertAlive(life);
      return store.transaction(act);
    },
  };
}

function mortalKube(kube: KubeApi, life: Life): KubeApi {
  return {
    ...kube,
    async request(request) {
      assertAlive(life);
      // A test that ends early wakes whoever it froze.
      await Promise.race([life.before?.(request), life.over.promise]);
      assertAlive(life);
      const answer = await kube.request(request);
      const writes = request.method !== "GET" && request.query?.["dryRun"] === undefined;
      // A refused one wrote nothing: status writes of controllers make an apply try again.
      if (writes && answer.status < 400) life.writes.push(request);
      return answer;
    },
  };
}

interface Looking {
  readonly parts: WorkerParts;
  readonly id: string;
  readonly life: Life;
  readonly rooms: {
    readonly lane: ReturnType<typeof createLaneRoom>;
    readonly environment: ReturnType<typeof createEnvironmentRoom>;
    readonly waits: WaitRoom;
    readonly automation: ReturnType<typeof createAutomationRoom>;
  };
  readonly signal: AbortSignal;
}

async function keepLooking({ parts, id, life, rooms, signal }: Looking): Promise<void> {
  const turns = new Set<Promise<void>>();
  const begin = (turn: Promise<void>): void => {
    turns.add(turn);
    void turn.finally(() => turns.delete(turn));
  };
  while (!signal.aborted) {
    if (!life.lapsed) await beat(parts.store.db, id).catch(throwUnless(() => signal.aborted || life.lapsed));
    if (!life.paused) {
      begin(rooms.lane.look(parts.laneId));
      begin(rooms.waits.look());
      begin(rooms.automation.look());
      for (const { name } of parts.settings.environments) begin(rooms.environment.look(name));
    }
    await systemClock.sleep(lookEveryMs, signal).catch(() => undefined); // aborted: the loop's head ends it
  }
  await Promise.all(turns);
}

/** A beat that was on its way when the worker's row was removed tells nothing new. */
function throwUnless(isOver: () => boolean): (error: unknown) => void {
  return (error) => {
    if (!isOver()) throw error;
  };
}
