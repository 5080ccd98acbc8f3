import { SlipwayError } from "./errors.ts";

/** The built-in kinds that hold containers, as they stand in an id. */
export type WorkloadKind =
  | "deployment"
  | "statefulset"
  | "daemonset"
  | "cronjob"
  | "job"
  | "replicaset"
  | "pod"
  | "replicationcontroller";

/** Names one workload of one environment; as text `namespace:kind/name`. */
export interface WorkloadId {
  readonly namespace: string;
  /** Lower case. */
  readonly kind: string;
  readonly name: string;
}

/** What a person asked for: without a kind, every workload of that name in the namespace. */
export interface AskedWorkload {
  readonly namespace: string;
  /** Lower case. */
  readonly kind?: string;
  readonly name: string;
}

/** Where a kind keeps the parts that matter to us, as paths of keys from the object's root. */
export interface KindLayout {
  readonly kind: WorkloadKind;
  /** API groups that define this kind; "" is the core group. */
  readonly groups: readonly string[];
  readonly podSpec: readonly string[];
  /** Every label map that describes the pods or the object. */
  readonly labels: readonly (readonly string[])[];
  /** The map of labels that must not change; absent where nothing is selected. */
  readonly selector?: readonly string[];
}

/** The id as text: `namespace:kind/name`. */
export function formatWorkloadId(id: WorkloadId): string {
  return `${id.namespace}:${id.kind}/${id.name}`;
}

/**
 * Reads `namespace:kind/name`, `namespace/name` or `namespace/kind/name`, and with a default
 * namespace a bare `name`; throws WORKLOAD_ID_INVALID. Short kinds (`deploy`, `sts`) are understood.
 */
export function parseWorkloadId(text: string, o: { readonly defaultNamespace?: string } = {}): AskedWorkload {
  const parts = splitId(text, o.defaultNamespace);
  if (parts === undefined) throw invalidId(text, "it has neither of these forms");
  const kind = parts.kind?.toLowerCase();
  if (!isNamespaceName(parts.namespace)) throw invalidId(text, `"${parts.namespace}" cannot be a namespace`);
  if (!isObjectName(parts.name)) throw invalidId(text, `"${parts.name}" cannot be a name`);
  if (kind === undefined) return { namespace: parts.namespace, name: parts.name };
  if (!/^[a-z][a-z0-9]{0,62}$/.test(kind)) throw invalidId(text, `"${kind}" cannot be a kind`);
  return { namespace: parts.namespace, kind: longKind(kind), name: parts.name };
}

/** `deployment` for `deploy`; any other word as it is. */
export function longKind(kind: string): string {
  return shortKinds[kind] ?? kind;
}

/** Whether the workload is one of those asked for. */
export function matchesWorkload(id: WorkloadId, asked: AskedWorkload): boolean {
  return (
    id.name === asked.name &&
    id.namespace === asked.namespace &&
    (asked.kind === undefined || id.kind === asked.kind)
  );
}

/** Keys from the object's root to its pod spec; undefined for a kind without containers. */
export function podSpecPath(kind: string): readonly string[] | undefined {
  return kindLayout(kind)?.podSpec;
}

/** Where this kind (in any case) keeps containers, labels and selector; undefined if it has none. */
export function kindLayout(kind: string): KindLayout | undefined {
  const lower = kind.toLowerCase();
  return Object.hasOwn(layouts, lower) ? layouts[lower as WorkloadKind] : undefined;
}

/** Whether Kubernetes accepts the text as the name of a namespace. */
export function isNamespaceName(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** Whether Kubernetes accepts the text as the name of an object (a DNS subdomain). */
export function isObjectName(text: string): boolean {
  return (
    text.length <= 253 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(text)
  );
}

/** Whether Kubernetes accepts the text as the value of a label. */
export function isLabelValue(text: string): boolean {
  return text.length <= 63 && /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/.test(text);
}

const shortKinds: Readonly<Record<string, WorkloadKind>> = Object.assign(Object.create(null), {
  deploy: "deployment",
  sts: "statefulset",
  ds: "daemonset",
  cj: "cronjob",
  rs: "replicaset",
  po: "pod",
  rc: "replicationcontroller",
});

const own = ["metadata", "labels"];
const templated = {
  podSpec: ["spec", "template", "spec"],
  labels: [own, ["spec", "template", "metadata", "labels"]],
};
const selecting = { ...templated, selector: ["spec", "selector"] };

const layouts: Readonly<Record<WorkloadKind, KindLayout>> = {
  deployment: { kind: "deployment", groups: ["apps", "extensions"], ...selecting },
  statefulset: { kind: "statefulset", groups: ["apps"], ...selecting },
  daemonset: { kind: "daemonset", groups: ["apps", "extensions"], ...selecting },
  replicaset: { kind: "replicaset", groups: ["apps", "extensions"], ...selecting },
  replicationcontroller: { kind: "replicationcontroller", groups: [""], ...selecting },
  job: { kind: "job", groups: ["batch"], ...selecting },
  pod: { kind: "pod", groups: [""], podSpec: ["spec"], labels: [own] },
  cronjob: {
    kind: "cronjob",
    groups: ["batch"],
    podSpec: ["spec", "jobTemplate", "spec", "template", "spec"],
    labels: [
      own,
      ["spec", "jobTemplate", "metadata", "labels"],
      ["spec", "jobTemplate", "spec", "template", "metadata", "labels"],
    ],
    selector: ["spec", "jobTemplate", "spec", "selector"],
  },
};

interface IdParts {
  readonly namespace: string;
  readonly kind?: string;
  readonly name: string;
}

function splitId(text: string, defaultNamespace: string | undefined): IdParts | undefined {
  const full = /^([^:/]+)[:/]([^:/]+)\/([^:/]+)$/.exec(text);
  if (full !== null) return { namespace: full[1] ?? "", kind: full[2] ?? "", name: full[3] ?? "" };
  const short = /^([^:/]+)\/([^:/]+)$/.exec(text);
  if (short !== null) return { namespace: short[1] ?? "", name: short[2] ?? "" };
  const isBare = defaultNamespace !== undefined && /^[^:/]+$/.test(text);
  return isBare ? { namespace: defaultNamespace, name: text } : undefined;
}

function invalidId(text: string, why: string): SlipwayError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return new SlipwayError("WORKLOAD_ID_INVALID", { detail: `"${shown}": ${why}` });
}
