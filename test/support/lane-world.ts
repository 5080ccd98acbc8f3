import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settings as settingsSchema, type Settings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";
import { laneKey, laneRefName } from "#common/domain/git-url.ts";
import { parseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import { systemClock } from "#common/kit/clock.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { createMetrics } from "#common/kit/metrics.ts";
import { noTracing } from "#common/kit/tracing.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import { ensureLane } from "#common/store/lanes.ts";
import type { JobRow, JobSpec } from "#common/store/schema.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import { createStore, type Store } from "#common/store/store.ts";
import { beat, registerWorker } from "#common/store/workers.ts";
import { Image, Repository } from "#proto/slipway/registry/v1/registry.ts";
import { createSandboxGit, type SandboxGit } from "#sandbox/git/sandbox-git.ts";
import {
  createAutomationRoom,
  type AutomationRoom,
} from "../../services/release-worker/automation/look-at-automation.ts";
import type { WorkerDeps } from "../../services/release-worker/deps.ts";
import type { FaultPoint } from "../../services/release-worker/faults.ts";
import { createGitCache } from "../../services/release-worker/git/git-cache.ts";
import { createHeartbeat } from "../../services/release-worker/heartbeat.ts";
import { createWorkerMetrics } from "../../services/release-worker/metrics.ts";
import { createWaitRoom, type WaitRoom } from "../../services/release-worker/gates/look-at-waits.ts";
import { createImageGate, type ImageGate } from "../../services/release-worker/lane/image-gate.ts";
import { createLaneRoom, type LaneRoom } from "../../services/release-worker/lane/look-at-lane.ts";
import { createTipReaders } from "../../services/release-worker/planning/tip-readers.ts";
import { startPostgres } from "./postgres.ts";

export interface LaneWorker {
  readonly id: string;
  /** Holds the git cache of its one credential. */
  readonly cacheFolder: string;
  readonly lane: LaneRoom;
  readonly gate: ImageGate;
  readonly waits: WaitRoom;
  readonly automation: AutomationRoom;
  look(): Promise<void>;
  /** The page that Prometheus reads. */
  metrics(): Promise<string>;
  /** Runs `act` at the named point, once. */
  at(point: FaultPoint, act: () => void): void;
  /** As if its renewals had failed for ten seconds. */
  missBeats(): void;
}

/** Lanes for real (Postgres, a git host over HTTP), without cluster and registry: nothing is applied. */
export interface LaneWorld {
  readonly store: Store;
  readonly databaseUrl: string;
  readonly settings: Settings;
  readonly git: SandboxGit;
  readonly laneId: string;
  readonly laneRef: string;
  readonly repository: string;
  worker(): Promise<LaneWorker>;
  /** An image that `latest` may choose from now on; without any, nothing is known of images. */
  publish(service: string, tag: string, createdAt: Date): void;
  /** Until it is given back, the registry does not have this image; with a code it cannot tell. */
  withhold(service: string, tag: string, errorCode?: ErrorCode): void;
  giveBack(service: string, tag: string): void;
  /** In mode `apply`: what the cluster does when it is asked of the next job before its push. */
  atDryRun(act: () => Promise<void>): void;
  /** In the environment "default", or in "other", which declares the service `omega` under `other/`. */
  release(service: string, tag: string, environment?: string): Promise<string>;
  /** Any job of the environment "default", unless another is named. */
  submit(spec: JobSpec, headline: string, environment?: string): Promise<string>;
  job(id: string): Promise<JobRow>;
  /** The same host and settings on another database, such as a restored one. */
  on(databaseUrl: string): Promise<Pick<LaneWorld, "store" | "worker" | "job" | "release">>;
  /** Subjects of the branch, oldest first, without the first commit. */
  subjects(): Promise<string[]>;
  read(service: string): Promise<string>;
  stop(): Promise<void>;
}

export interface LaneMore {
  readonly mode?: "apply" | "hand-off";
  readonly gates?: GitOverrides;
  /** More files of the repository. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the watcher tells of; nothing, and no view of it, by default. */
  readonly cluster?: Pick<WorkerDeps["cluster"], "listWorkloads">;
  readonly pushTimeoutMs?: number;
}

export const services = ["alpha", "beta", "gamma", "delta"] as const;

/**
 * `gitSettings` adds to the git settings of both environments, `other` to those of the second alone.
 * In mode `apply` jobs are tried on a cluster where nothing runs, before their push; `gates` are windows
 * and approvals of the first environment.
 */
export async function startLaneWorld(
  gitSettings: GitOverrides = {},
  other: GitOverrides = {},
  more: LaneMore = {},
): Promise<LaneWorld> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-lane-"));
  const postgres = await startPostgres();
  const git = createSandboxGit({ folder: join(folder, "host"), username: "slipway", token: "secret" });
  await git.start();
  const repository = `shop-${newUuidV7().slice(-8)}`;
  const files = Object.fromEntries(services.map((name) => [`deploy/${name}.yaml`, manifest(name, "1.0.0")]));
  files["other/omega.yaml"] = manifest("omega", "1.0.0");
  Object.assign(files, more.files);
  await git.createRepository(repository, files, { message: "first" });
  const settings = settingsOf(git.repositoryUrl(repository), { gitSettings, other, ...more });
  const databaseUrl = await postgres.createDatabase();
  const store = createStore({ databaseUrl });
  await store.start();
  const laneId = laneKey(git.repositoryUrl(repository), "main");
  const laneRef = laneRefName("test", "main");
  await ensureLane(store.db, { id: laneId, url: git.repositoryUrl(repository), branch: "main", laneRef });
  const revision = await saveSettingsRevision(store.db, settings);
  const stops: (() => Promise<void>)[] = [];
  const published = new Map<string, Repository>();
  const withheld = new Map<string, ErrorCode | "">();
  const dryRuns: (() => Promise<void>)[] = [];
  return {
    store,
    databaseUrl,
    settings,
    git,
    laneId,
    laneRef,
    repository,
    worker: () => startWorker({ store, settings, laneId, stops, folder, published, withheld, dryRuns, more }),
    withhold: (service, tag, errorCode) => void withheld.set(nameOf(service, tag), errorCode ?? ""),
    giveBack: (service, tag) => void withheld.delete(nameOf(service, tag)),
    atDryRun: (act) => void dryRuns.push(act),
    publish: (service, tag, createdAt) => publish(published, { service, tag, createdAt }),
    release: (service, tag, environment = "default") =>
      accept({ store, laneId, revision }, { service, tag, environment }),
    submit: (spec, headline, environment = "default") =>
      acceptSpec({ store, laneId, revision }, { spec, headline, environment }),
    job: (id) => mustGetJob(store.db, id),
    on: (url) =>
      joinAt(url, { settings, laneId, stops, folder, published, withheld, dryRuns, more, revision }),
    subjects: async () =>
      (await git.log(repository, "main"))
        .map((entry) => entry.subject)
        .toReversed()
        .slice(1),
    read: async (service) =>
      (await git.readFile(repository, "main", `deploy/${service}.yaml`)).toString("utf8"),
    async stop() {
      for (const stop of stops) await stop();
      await store.stop();
      await git.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Another process of the same world, over another address of its database. */
async function joinAt(
  url: string,
  { revision, ...shared }: Omit<Parameters<typeof startWorker>[0], "store"> & { revision: bigint },
): ReturnType<LaneWorld["on"]> {
  const store = createStore({ databaseUrl: url });
  await store.start();
  shared.stops.push(() => store.stop());
  const { laneId } = shared;
  return {
    store,
    worker: () => startWorker({ ...shared, store }),
    job: (id) => mustGetJob(store.db, id),
    release: (service, tag, environment = "default") =>
      accept({ store, laneId, revision }, { service, tag, environment }),
  };
}

export function manifest(name: string, tag: string): string {
  return [
    "apiVersion: apps/v1",
    "kind: Deployment",
    `metadata: { name: ${name}, namespace: shop }`,
    "spec:",
    `  selector: { matchLabels: { app: ${name} } }`,
    "  template:",
    `    metadata: { labels: { app: ${name} } }`,
    "    spec:",
    "      containers:",
    `        - name: ${name}`,
    `          image: example/${name}:${tag} # released by hand until now`,
    "",
  ].join("\n");
}

type GitOverrides = Readonly<Record<string, unknown>>;

function settingsOf(
  url: string,
  o: { gitSettings: GitOverrides; other: GitOverrides; mode?: string; gates?: GitOverrides },
): Settings {
  const { gitSettings, other, mode = "hand-off", gates = {} } = o;
  const environment = (name: string, path: string, own: GitOverrides) => ({
    name,
    cluster: { kubeconfig: "/nowhere" },
    git: {
      url,
      branch: "main",
      paths: [path],
      username: "slipway",
      tokenEnv: "GIT_TOKEN",
      allowHttp: true,
      ...gitSettings,
      ...own,
    },
    // Nothing is applied by a lane: its work ends with the record of its push.
    mode,
    ...(name === "default" ? gates : {}),
  });
  return settingsSchema.parse({
    installation: "test",
    environments: [environment("default", "deploy", {}), environment("other", "other", other)],
  });
}

interface WorkerParts {
  readonly store: Store;
  readonly settings: Settings;
  readonly laneId: string;
  readonly stops: (() => Promise<void>)[];
  readonly folder: string;
  readonly published: ReadonlyMap<string, Repository>;
  readonly withheld: ReadonlyMap<string, ErrorCode | "">;
  readonly dryRuns: (() => Promise<void>)[];
  readonly more: LaneMore;
}

async function startWorker(parts: WorkerParts): Promise<LaneWorker> {
  const { store, settings, laneId, stops, folder, published, withheld, dryRuns } = parts;
  const id = newUuidV7();
  let nowMs = 0;
  const heartbeat = createHeartbeat({ monotonicMs: () => nowMs });
  const acts = new Map<FaultPoint, () => void>();
  const target = settings.environments[0]?.git;
  const cache = createGitCache({
    target: { url: target?.url ?? "", branch: "main", username: "slipway", token: "secret", allowHttp: true },
    folder: join(folder, id),
    pushTimeoutMs: parts.more.pushTimeoutMs ?? 3_000,
  });
  const page = createMetrics({ service: "release-worker", process: false });
  const metrics = createWorkerMetrics(page);
  const deps: WorkerDeps = {
    workerId: id,
    settings,
    store,
    log: silentLog,
    clock: systemClock,
    newId: () => newUuidV7(),
    heartbeat,
    metrics,
    tracing: noTracing,
    cluster: {
      listWorkloads: async () => ({ workloads: [], view: undefined }),
      getWorkload: () => Promise.reject(new SlipwayError("WORKLOAD_NOT_FOUND")),
      ...parts.more.cluster,
    } as Partial<WorkerDeps["cluster"]> as WorkerDeps["cluster"],
    registry: registryOf({ published, withheld }),
    fault(point) {
      const act = acts.get(point);
      acts.delete(point);
      act?.();
    },
    gitOf: () => cache,
    tipsOf: createTipReaders({ store, gitOf: () => cache, onParse: metrics.manifestParsed }),
    async kubeOf() {
      await dryRuns.shift()?.();
      return emptyCluster;
    },
    ring: async () => undefined,
    redact: (text) => text,
  };
  await registerWorker(store.db, { id, name: `worker-${id.slice(-4)}` });
  stops.push(() => cache.dispose());
  const lane = createLaneRoom(deps);
  const gate = createImageGate(deps);
  const waits = createWaitRoom(deps);
  const automation = createAutomationRoom(deps);
  return {
    id,
    cacheFolder: join(folder, id),
    lane,
    gate,
    waits,
    automation,
    async look() {
      await beat(store.db, id);
      await lane.look(laneId);
    },
    metrics: () => page.text(),
    at: (point, act) => void acts.set(point, act),
    missBeats() {
      nowMs += 10_000;
      heartbeat.failed();
    },
  };
}

const emptyCluster = {
  objectPath: async () => "/",
  request: async () => ({ status: 404, headers: new Headers(), body: null }),
} as Partial<KubeApi> as KubeApi;

/** A registry that has everything but what is withheld. */
function registryOf({
  published,
  withheld,
}: Pick<WorkerParts, "published" | "withheld">): WorkerDeps["registry"] {
  return {
    listImages: async () => ({ repositories: [...published.values()] }),
    refresh: async ({ repository: key, tag }) => {
      const errorCode = withheld.get(`${key ?? ""}:${tag ?? ""}`);
      if (errorCode === undefined) return { tagFound: true, repository: undefined };
      return { tagFound: false, repository: Repository.fromPartial({ key: key ?? "", errorCode }) };
    },
  } as Partial<WorkerDeps["registry"]> as WorkerDeps["registry"];
}

function publish(
  published: Map<string, Repository>,
  { service, tag, createdAt }: { service: string; tag: string; createdAt: Date },
): void {
  const key = repositoryKey(parseImageRef(`example/${service}:${tag}`));
  const image = Image.fromPartial({ tag, createdAt, firstSeenAt: createdAt });
  const images = [...(published.get(key)?.images ?? []), image];
  published.set(key, Repository.fromPartial({ key, images, scannedAt: createdAt, complete: true }));
}

function nameOf(service: string, tag: string): string {
  return `${repositoryKey(parseImageRef(`example/${service}`))}:${tag}`;
}

async function accept(
  at: { store: Store; laneId: string; revision: bigint },
  { service, tag, environment }: { service: string; tag: string; environment: string },
): Promise<string> {
  const spec: JobSpec = {
    kind: "release",
    workloads: [`shop/${service}`],
    all: false,
    exclude: [],
    images: { exact: [`example/${service}:${tag}`] },
    override: [],
  };
  const headline = `Release example/${service}:${tag} to shop/${service}`;
  return acceptSpec(at, { spec, headline, environment });
}

async function acceptSpec(
  at: { store: Store; laneId: string; revision: bigint },
  { spec, headline, environment }: { spec: JobSpec; headline: string; environment: string },
): Promise<string> {
  const id = newUuidV7();
  await acceptJob(at.store.db, {
    job: {
      id,
      kind: spec.kind,
      environment,
      lane_id: at.laneId,
      settings_revision: at.revision,
      phase: "queued",
      priority: 1,
      origin: "manual",
      headline,
      spec: JSON.stringify(spec),
      requested_by: "tester",
    },
  });
  return id;
}

/** Looks again and again until the job left the lane; a lane that waits for a while is given the while. */
export async function untilSettled(
  world: LaneWorld,
  worker: LaneWorker,
  jobIds: readonly string[],
): Promise<void> {
  await pollUntil(
    async () => {
      await worker.look();
      const rows = await Promise.all(jobIds.map((id) => world.job(id)));
      return rows.every((job) => job.phase !== "queued" && job.phase !== "writing");
    },
    { everyMs: 50, timeoutMs: 30_000, what: "the jobs to leave the lane" },
  );
}
