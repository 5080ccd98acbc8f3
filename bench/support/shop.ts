/** A config repository made to measure: one Deployment a file, as people write them. */

export const namespace = "shop";
/** Each image has both; releases go from one to the other and back. */
export const tags = ["1.0.0", "1.1.0"] as const;

export interface ShopSize {
  readonly files: number;
  /** How many of them run one and the same image. */
  readonly sharing: number;
}

export interface ShopService {
  readonly name: string;
  readonly path: string;
  /** Without tag. */
  readonly image: string;
}

export const sharedImage = "bench/shared";
const filesPerFolder = 50;

/** The services of a shop; the last ones share an image. */
export function shopServices({ files, sharing }: ShopSize): ShopService[] {
  return Array.from({ length: files }, (_, index) => {
    const number = String(index + 1).padStart(4, "0");
    const team = String(Math.floor(index / filesPerFolder) + 1).padStart(2, "0");
    return {
      name: `service-${number}`,
      path: `deploy/team-${team}/service-${number}.yaml`,
      image: index >= files - sharing ? sharedImage : `bench/service-${number}`,
    };
  });
}

/** The namespace that all of them are in; it is in the cluster only. */
export const namespaceManifest = `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n`;

/** A manifest with comments, quotes and blank lines; no replicas, so that a rollout is over at once. */
export function shopManifest({ name, image }: ShopService): string {
  return `# ${name}: owned by its team, see the runbook before you change the limits.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${namespace}
  labels:
    app.kubernetes.io/name: ${name}
    app.kubernetes.io/part-of: shop
spec:
  replicas: 0   # scaled by hand
  selector:
    matchLabels: {app.kubernetes.io/name: ${name}}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ${name}
        app.kubernetes.io/part-of: shop
    spec:
      containers:
        - name: main
          image: ${image}:${tags[0]}
          args: ["--port", "8080", '--name=${name}']
          env:
            - name: LOG_LEVEL
              value: "info"

            # In milliseconds.
            - name: TIMEOUT
              value: '2500'
          ports:
            - containerPort: 8080
              name: http
          resources:
            requests: {cpu: 50m, memory: 64Mi}
            limits: {memory: 128Mi}
          readinessProbe:
            httpGet: {path: /ready, port: http}
            periodSeconds: 5
      terminationGracePeriodSeconds: 30
`;
}
