import { podSpecPath } from "#common/domain/workload.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import { refused, type Reader } from "./explain-events.ts";
import { projectPod } from "./project-pod.ts";

export interface WorkloadPods {
  /** Of the current template. */
  readonly pods: readonly KubeObject[];
  /** Of another revision, where the update waits for them to be well. */
  readonly blocking: readonly KubeObject[];
  /** Who makes them: the workload, and the ReplicaSet or Job in between; their events say why none comes. */
  readonly makers: readonly KubeObject[];
}

const podsAtMost = 500;
const ownedAtMost = 200;

/** The pods that a workload's current template has made. */
export async function readWorkloadPods(
  reader: Reader,
  kind: string,
  workload: KubeObject,
): Promise<WorkloadPods> {
  switch (kind) {
    case "pod":
      return { pods: [workload], blocking: [], makers: [] };
    case "deployment":
      return podsOfDeployment(reader, workload);
    case "cronjob":
      return podsOfCronJob(reader, workload);
    default: {
      const all = await podsMadeBy(reader, workload);
      const pods = all.filter((pod) => isCurrent(kind, workload, pod));
      const others = all.filter((pod) => !pods.includes(pod));
      return { pods, blocking: kind === "statefulset" ? others : [], makers: [workload] };
    }
  }
}

async function podsOfDeployment(reader: Reader, workload: KubeObject): Promise<WorkloadPods> {
  const { namespace = "" } = workload.metadata;
  const path = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
  const sets = await listOwned(reader, path, { owner: workload, labelSelector: selectorOf(workload) });
  const set = sets.find((one) => revisionOf(one) !== undefined && revisionOf(one) === revisionOf(workload));
  // None yet: its controller has not made one, and says in its events why it could not.
  if (set === undefined) return { pods: [], blocking: [], makers: [workload] };
  return { pods: await podsMadeBy(reader, set), blocking: [], makers: [workload, set] };
}

function revisionOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.["deployment.kubernetes.io/revision"];
}

async function podsOfCronJob(reader: Reader, workload: KubeObject): Promise<WorkloadPods> {
  const { namespace = "" } = workload.metadata;
  const jobs = await listOwned(reader, `/apis/batch/v1/namespaces/${namespace}/jobs`, { owner: workload });
  const [last] = jobs.toSorted((a, b) => createdAt(b) - createdAt(a));
  if (last === undefined) return { pods: [], blocking: [], makers: [workload] };
  return { pods: await podsMadeBy(reader, last), blocking: [], makers: [workload, last] };
}

function createdAt({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}

async function podsMadeBy(reader: Reader, owner: KubeObject): Promise<KubeObject[]> {
  const path = `/api/v1/namespaces/${owner.metadata.namespace ?? ""}/pods`;
  return listOwned(reader, path, { owner, labelSelector: selectorOf(owner), limit: podsAtMost });
}

async function listOwned(
  { api, signal }: Reader,
  path: string,
  o: { owner: KubeObject; labelSelector?: string; limit?: number },
): Promise<KubeObject[]> {
  const query = { labelSelector: o.labelSelector ?? "", limit: String(o.limit ?? ownedAtMost) };
  const answer = await api.request({ method: "GET", path, query, signal });
  if (answer.status !== 200) throw refused(answer.status, path);
  const { items = [] } = answer.body as { items?: readonly KubeObject[] };
  return items.filter((item) => isControlledBy(item, o.owner));
}

interface OwnerReference {
  readonly uid?: string;
  readonly controller?: boolean;
}

function isControlledBy(item: KubeObject, owner: KubeObject): boolean {
  const references = (item.metadata["ownerReferences"] ?? []) as readonly OwnerReference[];
  return references.some((one) => one.controller === true && one.uid === owner.metadata.uid);
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Only narrows what the API server sends; whose a pod is, its owner reference decides. */
function selectorOf({ kind, ["spec"]: spec }: KubeObject): string {
  const { selector = {} } = (spec ?? {}) as { selector?: Selector | Readonly<Record<string, string>> };
  // A ReplicationController's selector is the map itself.
  const { matchLabels = {}, matchExpressions = [] } = (
    kind === "ReplicationController" ? { matchLabels: selector } : selector
  ) as Selector;
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  return [...equal, ...matchExpressions.map(expressionText)].join(",");
}

function expressionText({
  key,
  operator,
  values = [],
}: NonNullable<Selector["matchExpressions"]>[number]): string {
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return key;
  }
}

/** StatefulSets name the revision of their pods; of the others the images tell the template. */
function isCurrent(kind: string, workload: KubeObject, pod: KubeObject): boolean {
  const revision = (workload["status"] as { updateRevision?: string } | undefined)?.updateRevision;
  const hash = pod.metadata.labels?.["controller-revision-hash"];
  if (kind === "statefulset" && revision !== undefined && hash !== undefined) return hash === revision;
  return imagesOf(kind, workload).every((image) => projectPod(pod).images.includes(image));
}

function imagesOf(kind: string, workload: KubeObject): string[] {
  let value: unknown = workload;
  for (const key of podSpecPath(kind) ?? []) value = (value as Record<string, unknown> | undefined)?.[key];
  const { containers = [] } = (value ?? {}) as { containers?: readonly { readonly image?: string }[] };
  return containers.map(({ image }) => image ?? "");
}
