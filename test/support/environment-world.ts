import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { settings as settingsSchema, type Settings } from "#common/contracts/settings.ts";
import { laneKey, laneRefName } from "#common/domain/git-url.ts";
import { isTerminal } from "#common/domain/job.ts";
import { shortName } from "#common/domain/plan.ts";
import { restartHeadline, syncHeadline } from "#common/domain/sync-words.ts";
import { systemClock } from "#common/kit/clock.ts";
import { createGrpcServer } from "#common/kit/grpc.ts";
import { createKubeApi, type KubeObject } from "#common/kit/kube.ts";
import { silentLog } from "#common/kit/log.ts";
import { policyHeadline } from "#common/domain/policy-orders.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import { ensureLane } from "#common/store/lanes.ts";
import type { JobRow, JobSpec, NewJobRow, StepRow } from "#common/store/schema.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import { listSteps } from "#common/store/steps.ts";
import { createStore, type Store } from "#common/store/store.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { createSandboxGit, type SandboxGit } from "#sandbox/git/sandbox-git.ts";

import { createClusterService } from "../../services/cluster-watcher/grpc.ts";
import { watchEnvironment, type EnvironmentWatch } from "../../services/cluster-watcher/watch-environment.ts";
import { imageOf, type LiveWorkload } from "./environment-objects.ts";
import { toYaml, type EnvironmentCluster } from "./environment-cluster.ts";
import { startEnvironmentWorker, type EnvironmentWorker } from "./environment-worker.ts";
import { runSql, startPostgres } from "./postgres.ts";

/** One environment of the world; its manifests are in the folder of its name. */
export interface EnvironmentOptions {
  readonly name: string;
  readonly onFailure?: "none" | "rollback";
  readonly rolloutDeadline?: string;
  readonly healthyFor?: string;
  readonly conflicts?: "refuse" | "force";
  readonly sync?: "release-only" | "on-change";
  readonly mode?: "apply" | "hand-off";
  readonly nudgeOwners?: boolean;
  /** As the settings file writes them. */
  readonly windows?: readonly object[];
  readonly approvals?: readonly object[];
  readonly automation?: "on" | "off";
  readonly automationTiming?: object;
  readonly policies?: readonly object[];
}

export interface Asked {
  readonly environment?: string;
  readonly origin?: "manual" | "automation";
  readonly namespace?: string;
  /** Of the image and container, where it is not the workload's. */
  readonly image?: string;
}

/** Releases for real: Postgres, a git host, a cluster with its watcher, and workers in this process. */
export interface EnvironmentWorld {
  readonly store: Store;
  readonly git: SandboxGit;
  readonly cluster: EnvironmentCluster;
  readonly repository: string;
  readonly laneId: string;
  readonly settings: Settings;
  worker(): Promise<EnvironmentWorker>;
  /** Runs one statement past the store. */
  sql(statement: string): Promise<void>;
  /** Stops all workers so far. */
  stopWorkers(): Promise<void>;
  /** Commits one file of an environment, as a person does; returns the tip. */
  declare(file: string, objects: readonly KubeObject[], environment?: string): Promise<string>;
  /** As `kubectl apply`, and waits until the watcher has seen it. */
  run(objects: readonly KubeObject[]): Promise<void>;
  /** Waits until the watcher has seen it, with these images. */
  untilSeen(objects: readonly KubeObject[]): Promise<void>;
  /** The object as the API server has it. */
  live(object: KubeObject): Promise<LiveWorkload>;
  /** Declared and running. */
  serve(object: KubeObject, environment?: string): Promise<void>;
  /** Asks for `image:tag` in workloads of these names. */
  release(names: string | readonly string[], tag: string, asked?: Asked): Promise<string>;
  /** Asks for what one workload ran before, or runs now. */
  recall(name: string, select: "previous" | "running"): Promise<string>;
  /** Asks for what git says: of these workloads (`shop/web`), of a namespace, or of everything. */
  sync(
    what: readonly string[] | { readonly namespace: string } | "all",
    environment?: string,
  ): Promise<string>;
  /** Asks for new pods of these Deployments, or of workloads named in full. */
  restart(names: readonly string[], environment?: string): Promise<string>;
  /** Asks for policies of one workload (`web` in `shop`): keys to values, null to take one away. */
  policy(name: string, set: Readonly<Record<string, string | null>>, environment?: string): Promise<string>;
  /** A person's rollback of a job. */
  rollBack(id: string, override?: readonly string[]): Promise<string>;
  job(id: string): Promise<JobRow>;
  steps(id: string): Promise<readonly StepRow[]>;
  /** Polls until the job is as wanted. */
  until(id: string, holds: (job: JobRow) => boolean, what: string): Promise<JobRow>;
  /** Polls until all jobs have ended. */
  untilOver(...ids: readonly string[]): Promise<JobRow[]>;
  /** Ids of the jobs whose commits are on the branch, oldest first. */
  committed(): Promise<readonly string[]>;
  readManifest(file: string, environment?: string): Promise<string>;
  stop(): Promise<void>;
}

const pollMs = 25;
const waitLimitMs = 60_000;

export async function startEnvironmentWorld(
  cluster: EnvironmentCluster,
  environments: readonly EnvironmentOptions[],
  ways = cluster.ways,
): Promise<EnvironmentWorld> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-environment-"));
  const postgres = await startPostgres();
  const git = createSandboxGit({ folder: join(folder, "host"), username: "slipway", token: "secret" });
  await git.start();
  const repository = `shop-${newUuidV7().slice(-8)}`;
  const readmes = environments.map(({ name }) => [`${name}/README.md`, `${name}\n`]);
  await git.createRepository(repository, Object.fromEntries(readmes), { message: "first" });
  const url = git.repositoryUrl(repository);
  const settings = settingsOf({ url, kubeconfig: ways.worker, environments });
  const databaseUrl = await postgres.createDatabase();
  const store = createStore({ databaseUrl });
  await store.start();
  const laneId = laneKey(url, "main");
  await ensureLane(store.db, { id: laneId, url, branch: "main", laneRef: laneRefName("test", "main") });
  const revision = await saveSettingsRevision(store.db, settings);
  const watcher = await startWatcher(settings, ways.watcher);
  const workers: EnvironmentWorker[] = [];
  const stopWorkers = async (): Promise<void> => {
    for (const worker of workers.splice(0)) await worker.stop();
  };
  const parts = { store, git, repository, laneId, revision, settings, cluster, watches: watcher.watches };
  return {
    store,
    git,
    cluster,
    repository,
    laneId,
    settings,
    ...gitHands(parts),
    ...jobHands(parts),
    async worker() {
      const watcherAddress = `127.0.0.1:${watcher.port}`;
      const worker = await startEnvironmentWorker({ store, settings, laneId, folder, watcherAddress });
      workers.push(worker);
      return worker;
    },
    sql: (statement) => runSql(databaseUrl, statement),
    stopWorkers,
    async stop() {
      await stopWorkers();
      await watcher.stop();
      await store.stop();
      await git.stop();
      await postgres.stop();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function settingsOf(o: {
  url: string;
  kubeconfig: string;
  environments: readonly EnvironmentOptions[];
}): Settings {
  return settingsSchema.parse({
    installation: "test",
    environments: o.environments.map(({ name, ...options }) => ({
      name,
      cluster: { kubeconfig: o.kubeconfig },
      git: {
        url: o.url,
        branch: "main",
        paths: [name],
        username: "slipway",
        tokenEnv: "GIT_TOKEN",
        allowHttp: true,
      },
      mode: "apply",
      ...options,
    })),
  });
}

async function startWatcher(settings: Settings, kubeconfig: string) {
  const watches = settings.environments.map((environment) =>
    watchEnvironment({
      environment,
      connect: () => createKubeApi({ kubeconfig }),
      clock: systemClock,
      log: silentLog,
    }),
  );
  const server = createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[ClusterServiceDefinition, createClusterService(watches)]],
    log: silentLog,
  });
  for (const watch of watches) await watch.start?.();
  await server.start();
  const complete = (): boolean => watches.every((watch) => watch.view().complete);
  await pollUntil(complete, {
    everyMs: pollMs,
    timeoutMs: waitLimitMs,
    what: "the watcher to see everything",
  });
  return {
    watches,
    port: server.port(),
    async stop() {
      await server.stop();
      for (const watch of watches) await watch.stop?.();
    },
  };
}

interface Parts {
  readonly store: Store;
  readonly git: SandboxGit;
  readonly repository: string;
  readonly laneId: string;
  readonly revision: bigint;
  readonly settings: Settings;
  readonly cluster: EnvironmentCluster;
  readonly watches: readonly EnvironmentWatch[];
}

type GitHands = "declare" | "run" | "untilSeen" | "live" | "serve" | "committed" | "readManifest";

function gitHands(parts: Parts): Pick<EnvironmentWorld, GitHands> {
  const { git, repository, cluster, watches, settings } = parts;
  const first = settings.environments[0]?.name ?? "";
  const declare: EnvironmentWorld["declare"] = (file, objects, environment = first) =>
    git.commitDirectly(
      repository,
      { [`${environment}/${file}.yaml`]: toYaml(objects) },
      { branch: "main", message: `declare ${file}` },
    );
  const isSeen = (object: KubeObject): boolean => {
    const id = `${object.metadata.namespace}:${object.kind?.toLowerCase()}/${object.metadata.name}`;
    const { template } = (object as Partial<LiveWorkload>).spec ?? {};
    const images = template?.spec.containers.map(({ image }) => image) ?? [];
    return watches.every((watch) => {
      const seen = watch.get(id);
      return seen !== undefined && images.every((image) => seen.containers.some((c) => c.image === image));
    });
  };
  const untilSeen: EnvironmentWorld["untilSeen"] = async (objects) => {
    const seen = (): boolean => objects.every(isSeen);
    await pollUntil(seen, { everyMs: pollMs, timeoutMs: waitLimitMs, what: "the watcher to see it" });
  };
  const run: EnvironmentWorld["run"] = async (objects) => {
    await cluster.kubectlApply(objects);
    await untilSeen(objects);
  };
  return {
    declare,
    run,
    untilSeen,
    async live(object) {
      const answer = await cluster.read(object);
      if (answer.status !== 200) throw new Error(`${object.metadata.name}: ${answer.status}`);
      return answer.body as LiveWorkload;
    },
    async serve(object, environment) {
      await declare(object.metadata.name ?? "", [object], environment);
      await run([object]);
    },
    committed: async () =>
      (await git.log(repository, "main"))
        .toReversed()
        .flatMap((entry) => /Release-Job: (\S+)/.exec(entry.body)?.[1] ?? []),
    readManifest: async (file, environment = first) =>
      (await git.readFile(repository, "main", `${environment}/${file}.yaml`)).toString("utf8"),
  };
}

type JobHands = "release" | "recall" | "sync" | "restart" | "policy" | "rollBack" | JobSights;
type JobSights = "job" | "steps" | "until" | "untilOver";

function jobSights({ store }: Parts): Pick<EnvironmentWorld, JobSights> {
  const job = (id: string): Promise<JobRow> => mustGetJob(store.db, id);
  const until: EnvironmentWorld["until"] = async (id, holds, what) => {
    let last: JobRow | undefined;
    const look = async (): Promise<JobRow | false> => {
      last = await job(id);
      return holds(last) && last;
    };
    const options = { everyMs: pollMs, timeoutMs: waitLimitMs, what };
    return pollUntil(look, options).catch((cause: unknown) => {
      throw new Error(`last seen: ${JSON.stringify(last, plain)}`, { cause });
    });
  };
  return {
    job,
    until,
    steps: async (id) => (await listSteps(store.db, id, { after: 0n, limit: 500 })).steps,
    untilOver: (...ids) =>
      Promise.all(ids.map((id) => until(id, (row) => isTerminal(row.phase), `job ${id} to end`))),
  };
}

type AskedRow = Pick<NewJobRow, "environment" | "priority" | "origin" | "headline" | "rollback_of">;

async function accept({ store, laneId, revision }: Parts, spec: JobSpec, row: AskedRow): Promise<string> {
  const id = newUuidV7();
  const fixed = { lane_id: laneId, settings_revision: revision, phase: "queued" } as const;
  await acceptJob(store.db, {
    job: { id, kind: spec.kind, ...fixed, requested_by: "tester", spec: JSON.stringify(spec), ...row },
  });
  return id;
}

function jobHands(parts: Parts): Pick<EnvironmentWorld, JobHands> {
  const first = parts.settings.environments[0]?.name ?? "";
  const sights = jobSights(parts);
  const ofPerson = { environment: first, origin: "manual", priority: 1 } as const;
  return {
    ...sights,
    release: (names, tag, { environment = first, origin = "manual", namespace = "shop", image } = {}) => {
      const all = [names].flat();
      const exact = all.map((name) => imageOf(image ?? name, tag));
      const workloads = all.map((name) => `${namespace}/${name}`);
      const headline = `Release ${exact.join(", ")} to ${workloads.join(", ")}`;
      return accept(
        parts,
        { kind: "release", workloads, all: false, exclude: [], images: { exact }, override: [] },
        { environment, origin, priority: origin === "manual" ? 1 : 2, headline },
      );
    },
    recall: (name, select) => {
      const spec = { kind: "release", workloads: [`shop/${name}`], all: false, exclude: [] } as const;
      const headline = `Release ${select} images to ${name}`;
      return accept(parts, { ...spec, images: { select }, override: [] }, { ...ofPerson, headline });
    },
    sync: (what, environment = first) => {
      const workloads = Array.isArray(what) ? (what as readonly string[]) : [];
      const namespace = typeof what === "object" && "namespace" in what ? what.namespace : null;
      const spec = { kind: "sync", workloads, all: what === "all", namespace, override: [] } as const;
      const headline = syncHeadline({ names: workloads, namespace });
      return accept(parts, spec, { ...ofPerson, environment, headline });
    },
    restart: (names, environment = first) => {
      const workloads = names.map((name) => (name.includes(":") ? name : `shop:deployment/${name}`));
      const headline = restartHeadline(workloads.map(shortName));
      const spec = { kind: "restart", workloads, override: [] } as const;
      return accept(parts, spec, { ...ofPerson, environment, headline });
    },
    policy: (name, set, environment = first) => {
      const orders = [{ workload: `shop/${name}`, set }];
      const spec = { kind: "policy", orders, prefix: null, unfiltered: false, override: [] } as const;
      return accept(parts, spec, { ...ofPerson, environment, headline: policyHeadline(orders) });
    },
    async rollBack(of, override = []) {
      const { environment, headline } = await sights.job(of);
      const row = { environment, origin: "rollback", priority: 0, rollback_of: of } as const;
      const spec = { kind: "rollback", of, override } as const;
      return accept(parts, spec, { ...row, headline: `Rollback: ${headline}` });
    },
  };
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
