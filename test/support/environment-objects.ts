import type { KubeObject } from "#common/kit/kube.ts";

/** What a container of this name runs at this tag. */
export const imageOf = (name: string, tag: string): string => `example/${name}:${tag}`;

export interface WorkloadShape {
  readonly tag?: string;
  readonly replicas?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** More containers: name → tag. */
  readonly more?: Readonly<Record<string, string>>;
  /** Merged into `spec`. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
}

/** A workload with a container of its own name that runs `example/<name>:<tag>`. */
export function aWorkload(kind: string, name: string, shape: WorkloadShape = {}): KubeObject {
  const { labels, annotations, namespace = "shop" } = shape;
  const batch = kind === "CronJob";
  return {
    apiVersion: batch ? "batch/v1" : "apps/v1",
    kind,
    metadata: { namespace, name, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: batch ? cronSpec(name, shape) : podsSpec(kind, name, shape),
  };
}

export function aDeployment(name: string, shape: WorkloadShape = {}): KubeObject {
  return aWorkload("Deployment", name, shape);
}

function podsSpec(kind: string, name: string, shape: WorkloadShape) {
  const labels = { app: name };
  return {
    ...(shape.replicas !== undefined && { replicas: shape.replicas }),
    ...(kind === "StatefulSet" && { serviceName: name }),
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: containersOf(name, shape) } },
    ...shape.spec,
  };
}

function cronSpec(name: string, shape: WorkloadShape) {
  const pod = { restartPolicy: "Never", containers: containersOf(name, shape) };
  return { schedule: "0 0 1 1 *", jobTemplate: { spec: { template: { spec: pod } } }, ...shape.spec };
}

function containersOf(name: string, { tag = "1.0.0", env, more = {} }: WorkloadShape) {
  const variables = Object.entries(env ?? {}).map(([key, value]) => ({ name: key, value }));
  const first = { name, image: imageOf(name, tag), ...(env && { env: variables }) };
  const others = Object.entries(more).map(([other, itsTag]) => ({
    name: other,
    image: imageOf(other, itsTag),
  }));
  return [first, ...others];
}

/** An object as the tests look into it. */
export interface LiveWorkload {
  readonly metadata: {
    readonly uid: string;
    readonly generation: number;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly image: string;
          readonly env?: readonly { readonly name: string; readonly value: string }[];
        }[];
      };
    };
  };
}
