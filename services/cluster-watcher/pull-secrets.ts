import { authsFor, parseDockerConfig, parseDockercfg, type DockerAuth } from "#common/domain/docker-auths.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { parseRepositoryKey, repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import { kindLayout } from "#common/domain/workload.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";
import type {
  DeepPartial,
  GetPullSecretsRequest,
  GetPullSecretsResponse,
  PullCredential,
  Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";

/** What is asked of an environment; its watch fits. */
export interface PullSecretsCluster {
  readonly environment: string;
  all(): readonly Workload[];
  sees(namespace: string): boolean;
  api(): Pick<KubeApi, "request" | "objectPath">;
}

/** Reads the pull secrets of workloads, when asked, and keeps them for as long as a burst of questions lasts. */
export type ReadPullSecrets = (
  cluster: PullSecretsCluster,
  asked: GetPullSecretsRequest,
) => Promise<DeepPartial<GetPullSecretsResponse>>;

const answerMs = 4_000;
const keptMs = 30_000;
const keptLimit = 2_000;
/** Many workloads of one image mostly name the same secrets. */
const workloadLimit = 20;
const secretLimit = 20;
const credentialLimit = 20;

export function createPullSecrets(o: {
  /** Those whose settings let pull secrets be read. */
  readonly environments: ReadonlySet<string>;
  readonly clock: Clock;
}): ReadPullSecrets {
  const { clock } = o;
  const kept = new Map<string, { readonly atMs: number; readonly answer: Promise<Answer> }>();

  function reader(cluster: PullSecretsCluster, fresh: boolean): Reader {
    const signal = AbortSignal.timeout(answerMs);
    const api = cluster.api();
    return {
      path: (kind, at) => api.objectPath({ ...kind, ...at }),
      async get(path) {
        const key = `${cluster.environment} ${path}`;
        const known = kept.get(key);
        const isYoung = known !== undefined && clock.monotonicMs() - known.atMs < keptMs;
        if (isYoung && !fresh) return known.answer;
        if (kept.size >= keptLimit) kept.clear();
        const answer = read(api, path, signal);
        kept.set(key, { atMs: clock.monotonicMs(), answer });
        // A failure is not kept: it says nothing about the object.
        answer.catch(() => kept.delete(key));
        return answer;
      },
    };
  }

  return async (cluster, asked) => {
    if (!o.environments.has(cluster.environment)) throw switchedOff(cluster.environment);
    const { registry: host, repository: path } = parseRepositoryKey(asked.repository);
    const problems: string[] = [];
    const from = reader(cluster, asked.fresh);
    const places = await secretsOf(from, workloadsOf(cluster, asked), problems);
    const found = await Promise.all(
      places.map(async (place) => {
        const secret = `${place.namespace}/${place.name}`;
        return (await authsIn(from, place, problems)).map((auth) => ({ ...auth, secret }));
      }),
    );
    const meant = authsFor(found.flat(), { host, path }).slice(0, credentialLimit);
    return { credentials: meant.map(toCredential), problems: [...new Set(problems)] };
  };
}

/** Throws unless the asker is on this machine, or both sides have shown certificates. */
export function refuseStrangers(peer: string, o: { readonly mutualTls: boolean }): void {
  if (o.mutualTls || /^(?:ipv4:)?127(?:\.\d{1,3}){3}:\d+$|^(?:ipv6:)?\[::1\]:\d+$/.test(peer)) return;
  throw new SlipwayError("FORBIDDEN", {
    detail: "pull secrets do not leave this machine over a connection without certificates on both sides",
  });
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

interface ApiKind {
  readonly apiVersion: string;
  readonly kind: string;
}

interface Reader {
  path(kind: ApiKind, at: Place): Promise<string>;
  get(path: string): Promise<Answer>;
}

/** The object, or why there is none. */
type Answer = { readonly object: KubeObject } | { readonly why: string };

function workloadsOf(cluster: PullSecretsCluster, asked: GetPullSecretsRequest): readonly Workload[] {
  const { namespace, kind, name, repository } = asked;
  const uses = (workload: Workload): boolean =>
    workload.containers.some(({ image }) => {
      const ref = tryParseImageRef(image);
      return ref !== undefined && repositoryKey(ref) === repository;
    });
  const isNamed = (one: Workload): boolean =>
    name === "" || (one.namespace === namespace && one.kind === kind && one.name === name);
  return cluster
    .all()
    .filter((one) => isNamed(one) && cluster.sees(one.namespace) && uses(one))
    .slice(0, workloadLimit);
}

async function secretsOf(
  from: Reader,
  workloads: readonly Workload[],
  problems: string[],
): Promise<readonly Place[]> {
  const places = new Map<string, Place>();
  const named = await Promise.all(workloads.map((workload) => namesOf(from, workload, problems)));
  workloads.forEach(({ namespace }, index) => {
    for (const name of named[index] ?? []) {
      if (places.size < secretLimit) places.set(`${namespace}/${name}`, { namespace, name });
    }
  });
  return [...places.values()];
}

/** What the pod template names, then what its service account does. */
async function namesOf(from: Reader, workload: Workload, problems: string[]): Promise<readonly string[]> {
  const { namespace, kind, name } = workload;
  const layout = kindLayout(kind);
  const apiKind = apiKinds[kind];
  if (layout === undefined || apiKind === undefined) return [];
  const object = await objectAt(from, { ...apiKind, namespace, name }, problems);
  if (object === undefined) return [];
  let value: unknown = object;
  for (const key of layout.podSpec) value = (value as Record<string, unknown> | undefined)?.[key];
  const podSpec = (value ?? {}) as Naming & { readonly serviceAccountName?: string };
  const account = podSpec.serviceAccountName ?? "default";
  const serviceAccount = { apiVersion: "v1", kind: "ServiceAccount", namespace, name: account };
  const ofAccount = (await objectAt(from, serviceAccount, problems)) as Naming | undefined;
  return [...namesIn(podSpec), ...namesIn(ofAccount ?? {})];
}

interface Naming {
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

function namesIn({ imagePullSecrets }: Naming): readonly string[] {
  return (imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined || name === "" ? [] : [name]));
}

const apps = "apps/v1";
const apiKinds: Readonly<Record<string, ApiKind>> = {
  deployment: { apiVersion: apps, kind: "Deployment" },
  statefulset: { apiVersion: apps, kind: "StatefulSet" },
  daemonset: { apiVersion: apps, kind: "DaemonSet" },
  replicaset: { apiVersion: apps, kind: "ReplicaSet" },
  replicationcontroller: { apiVersion: "v1", kind: "ReplicationController" },
  job: { apiVersion: "batch/v1", kind: "Job" },
  cronjob: { apiVersion: "batch/v1", kind: "CronJob" },
  pod: { apiVersion: "v1", kind: "Pod" },
};

async function authsIn(from: Reader, place: Place, problems: string[]): Promise<readonly DockerAuth[]> {
  const secret = await objectAt(from, { apiVersion: "v1", kind: "Secret", ...place }, problems);
  if (secret === undefined) return [];
  const data = (secret["data"] ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string | undefined => {
    const value = data[key];
    return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : undefined;
  };
  const [config, cfg] = [text(".dockerconfigjson"), text(".dockercfg")];
  const where = `secret ${place.namespace}/${place.name}`;
  try {
    // What it may say of helpers does not count: who writes secrets shall not choose what we run.
    if (config !== undefined) return parseDockerConfig(config).auths;
    if (cfg !== undefined) return parseDockercfg(cfg);
  } catch (error) {
    problems.push(`${where}: ${error instanceof Error ? error.message : "cannot be read"}`);
    return [];
  }
  problems.push(`${where} holds neither .dockerconfigjson nor .dockercfg`);
  return [];
}

async function objectAt(
  from: Reader,
  { namespace, name, ...kind }: ApiKind & Place,
  problems: string[],
): Promise<KubeObject | undefined> {
  const answer = await from.get(await from.path(kind, { namespace, name }));
  if ("object" in answer) return answer.object;
  problems.push(`${kind.kind.toLowerCase()} ${namespace}/${name} ${answer.why}`);
  return undefined;
}

async function read(api: Pick<KubeApi, "request">, path: string, signal: AbortSignal): Promise<Answer> {
  const answer = await api.request({ method: "GET", path, signal });
  if (answer.status === 200) return { object: answer.body as KubeObject };
  if (answer.status === 404) return { why: "is not there" };
  if (answer.status === 403) return { why: "may not be read" };
  throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `GET ${path}: ${answer.status}` });
}

function toCredential({
  key: _key,
  ...credential
}: DockerAuth & { readonly secret: string }): PullCredential {
  return credential;
}

function switchedOff(environment: string): SlipwayError {
  return new SlipwayError("FORBIDDEN", {
    detail: `environment "${environment}" does not let pull secrets be read`,
    hint: "Set pullSecrets: true in its settings, and give the watcher the right to get them.",
  });
}
