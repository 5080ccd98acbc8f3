import { SlipwayError } from "#common/domain/errors.ts";
import { judgeRollout } from "#common/domain/rollout.ts";
import { kindLayout } from "#common/domain/workload.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";
import type { ExplainWorkloadRequest, Trouble } from "#proto/slipway/cluster/v1/cluster.ts";
import { readEvents, refused, type Events, type ObjectEvent, type Reader } from "./explain-events.ts";
import { withLog, type Found } from "./explain-log.ts";
import { readWorkloadPods } from "./explain-pods.ts";
import { podTroubles, type PodTrouble } from "./pod-trouble.ts";

/** All of it is read within this time; callers wait five seconds. */
const budgetMs = 3_500;
const troublesAtMost = 10;
/** Pods whose events are read, and containers whose last words are. */
const askedPodsAtMost = 5;
const readLogsAtMost = 3;

interface TroubledPod {
  readonly pod: KubeObject;
  readonly troubles: readonly PodTrouble[];
}

/**
 * What keeps a workload from being healthy, read from the API server now; the gravest first: containers
 * that cannot run, pods that cannot be made, pods that only wait. A workload that is not there has
 * none. Events and logs are an extra: without the right to read them the rest is told.
 */
export async function explainWorkload(api: KubeApi, asked: ExplainWorkloadRequest): Promise<Trouble[]> {
  const signal = AbortSignal.timeout(budgetMs);
  try {
    return await explain({ api, signal }, asked);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "FORBIDDEN") {
      return [ofWorkload({ reason: "Forbidden", message: error.detail ?? error.message })];
    }
    if (!signal.aborted) throw error;
    throw new SlipwayError("CLUSTER_UNAVAILABLE", {
      detail: `no answer within ${budgetMs} ms`,
      cause: error,
    });
  }
}

async function explain(reader: Reader, asked: ExplainWorkloadRequest): Promise<Trouble[]> {
  const workload = await readWorkload(reader, asked);
  if (workload === undefined) return [];
  const { pods, blocking, makers } = await readWorkloadPods(reader, asked.kind, workload);
  const isHealthy = judgeRollout(asked.kind, workload).phase === "complete";
  const troubled = [...pods.map(troublesOf), ...blocking.map(blockingTroublesOf)]
    .map(({ pod, troubles }) => ({ pod, troubles: troubles.filter((one) => !(isHealthy && one.isStarting)) }))
    .filter(({ troubles }) => troubles.length > 0)
    .toSorted((a, b) => rankOf(a) - rankOf(b));
  const asks = troubled.slice(0, askedPodsAtMost).map(({ pod }) => pod);
  const events = await readEvents(reader, [...makers, ...asks]);
  const found = [...troubled.flatMap((one) => ofPod(one, events)), ...ofMakers(makers, events)];
  const kept = found.toSorted((a, b) => Number(a.isWaiting) - Number(b.isWaiting)).slice(0, troublesAtMost);
  const told = await Promise.all(
    kept.map(async (one, index) =>
      index < readLogsAtMost ? withLog(reader, asked.namespace, one) : one.trouble,
    ),
  );
  return withMissingRight(told, { events, isHealthy, asked });
}

async function readWorkload(
  { api, signal }: Reader,
  { kind, namespace, name }: ExplainWorkloadRequest,
): Promise<KubeObject | undefined> {
  const apiKind = apiKinds[kind];
  if (apiKind === undefined || kindLayout(kind) === undefined) return undefined;
  const path = await api.objectPath({ ...apiKind, namespace, name });
  const answer = await api.request({ method: "GET", path, signal });
  if (answer.status === 404) return undefined;
  if (answer.status === 200) return answer.body as KubeObject;
  throw refused(answer.status, path);
}

const apps = "apps/v1";
const apiKinds: Readonly<Record<string, { readonly apiVersion: string; readonly kind: string }>> = {
  deployment: { apiVersion: apps, kind: "Deployment" },
  statefulset: { apiVersion: apps, kind: "StatefulSet" },
  daemonset: { apiVersion: apps, kind: "DaemonSet" },
  replicaset: { apiVersion: apps, kind: "ReplicaSet" },
  replicationcontroller: { apiVersion: "v1", kind: "ReplicationController" },
  job: { apiVersion: "batch/v1", kind: "Job" },
  cronjob: { apiVersion: "batch/v1", kind: "CronJob" },
  pod: { apiVersion: "v1", kind: "Pod" },
};

function troublesOf(pod: KubeObject): TroubledPod {
  return { pod, troubles: podTroubles(pod) };
}

/** A StatefulSet waits for a pod that is not well, though it would replace it: a known trap of going back. */
function blockingTroublesOf(pod: KubeObject): TroubledPod {
  const what = "it is of another revision, and the StatefulSet waits for it: delete the pod to let it go on";
  const told = (message: string): string => (message === "" ? what : `${message}; ${what}`);
  return { pod, troubles: podTroubles(pod).map((one) => ({ ...one, message: told(one.message) })) };
}

/** Crashing pods before starting ones; among equals the one that has been restarted most has most to tell. */
function rankOf({ troubles }: TroubledPod): number {
  const [first] = troubles;
  return (first?.isStarting === true ? 1_000_000 : 0) - Math.min(first?.restarts ?? 0, 999_999);
}

function ofPod({ pod, troubles }: TroubledPod, events: Events): Found[] {
  return troubles.map((trouble) => {
    const { container, reason, message, exitCode, restarts, log } = trouble;
    const base = {
      pod: pod.metadata.name ?? "",
      container,
      reason,
      message,
      exitCode,
      restarts,
      logLines: [],
    };
    if (!trouble.isStarting) return { trouble: base, log, isWaiting: false };
    // "Not ready" and "creating" are no causes: the kubelet tells those in events (probes, mounts, networks).
    const event = events.of(pod).find((one) => one.type === "Warning" && explainsWaiting.has(one.reason));
    if (event === undefined) return { trouble: base, log, isWaiting: true };
    return { trouble: { ...base, reason: event.reason, message: event.message }, log, isWaiting: false };
  });
}

const explainsWaiting = new Set([
  "Unhealthy",
  "ProbeError",
  "FailedMount",
  "FailedAttachVolume",
  "FailedCreatePodSandBox",
  "FailedPostStartHook",
  "NetworkNotReady",
]);

/** Quota, admission, a missing service account: only the events of who makes the pods tell for every kind. */
function ofMakers(makers: readonly KubeObject[], events: Events): Found[] {
  const failures = makers
    .flatMap((maker) => events.of(maker))
    .filter((event) => event.type === "Warning" && event.reason.startsWith("FailedCreate"));
  return failures.slice(0, 1).map((event) => ({ trouble: ofWorkload(event), log: "none", isWaiting: false }));
}

function ofWorkload({ reason, message }: Pick<ObjectEvent, "reason" | "message">): Trouble {
  return { pod: "", container: "", reason, message, exitCode: undefined, restarts: 0, logLines: [] };
}

/** Whoever reads this must know that more could be told. */
function withMissingRight(
  troubles: readonly Trouble[],
  o: { events: Events; isHealthy: boolean; asked: ExplainWorkloadRequest },
): Trouble[] {
  const [first, ...others] = troubles;
  if (!o.events.forbidden) return [...troubles];
  const missing = `the right to list events in ${o.asked.namespace} is missing`;
  if (first !== undefined) return [{ ...first, message: `${first.message} (${missing})`.trim() }, ...others];
  return o.isHealthy ? [] : [ofWorkload({ reason: "EventsForbidden", message: missing })];
}
