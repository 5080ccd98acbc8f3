import { createHash } from "node:crypto";

import { parseAllDocuments, stringify } from "yaml";

import { serviceNames, type ServiceName } from "#common/contracts/grpc-peers.ts";

import { renderedOverlays } from "./rendered.ts";

export type Overlay = keyof typeof renderedOverlays;

export const overlays = Object.keys(renderedOverlays) as readonly Overlay[];

/** A service's certificate and its key, and the authority of all, in PEM. */
export interface ServiceCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What an installation is filled in with. */
export interface InstallParts {
  readonly overlay: Overlay;
  readonly namespace: string;
  readonly image: string;
  /** The text of slipway.yaml. */
  readonly settings: string;
  /** Absent: the Secrets are made by somebody else. */
  readonly secrets?: InstallSecrets;
}

export interface InstallSecrets {
  readonly stores: Readonly<Record<string, string>>;
  readonly adminToken: string;
  /** Files that slipway.yaml names, by name, in base64. */
  readonly files: Readonly<Record<string, string>>;
  readonly certificates: Readonly<Record<ServiceName, ServiceCertificate>>;
}

interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly [key: string]: unknown;
}

/** Every object of an installation, the namespace first, as one YAML stream for `kubectl apply -f -`. */
export function fillOverlay(parts: InstallParts): string {
  const objects = parseAllDocuments(renderedOverlays[parts.overlay]).map(
    (document) => document.toJS() as KubeObject,
  );
  const [namespace, ...rest] = objects.map((object) => inNamespace(object, parts.namespace));
  const settings = configMap(parts);
  const made = [settings, ...(parts.secrets === undefined ? [] : secretsOf(parts.namespace, parts.secrets))];
  const filled = rest.map((object) => (object.kind === "Deployment" ? fillPods(object, parts) : object));
  return [namespace, ...made, ...filled].map((object) => stringify(object, forKubectl)).join("---\n");
}

// kubectl reads YAML 1.1, where a bare yes is not a text.
const forKubectl = { lineWidth: 0, version: "1.1" } as const;

const home = "slipway";

/** Moves an object, and the accounts that a binding names, out of the namespace the folder has. */
function inNamespace(object: KubeObject, namespace: string): KubeObject {
  const { metadata } = object;
  const moved = {
    ...metadata,
    ...(metadata["namespace"] === home && { namespace }),
    ...(object.kind === "Namespace" && { name: namespace }),
  };
  const subjects = object["subjects"] as readonly Record<string, unknown>[] | undefined;
  return {
    ...object,
    metadata: moved,
    ...(subjects !== undefined && { subjects: subjects.map((subject) => ({ ...subject, namespace })) }),
  };
}

function configMap({ namespace, settings }: InstallParts): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "slipway-settings", namespace },
    data: { "slipway.yaml": settings },
  };
}

function secretsOf(namespace: string, secrets: InstallSecrets): readonly KubeObject[] {
  const secret = (name: string, content: object): KubeObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    type: "Opaque",
    ...content,
  });
  return [
    secret("slipway-stores", { stringData: secrets.stores }),
    secret("slipway-api", { stringData: { SLIPWAY_ADMIN_TOKEN: secrets.adminToken } }),
    secret("slipway-secrets", { data: secrets.files }),
    ...serviceNames.map((service) => {
      const { ca, cert, key } = secrets.certificates[service];
      return secret(`slipway-certs-${service}`, {
        stringData: { "ca.crt": ca, "tls.crt": cert, "tls.key": key },
      });
    }),
  ];
}

interface PodTemplate {
  readonly metadata: object;
  readonly spec: { readonly containers: readonly object[] };
}

/** Names the image, and marks the pods with what they were started with: new settings make new pods. */
function fillPods(object: KubeObject, parts: InstallParts): KubeObject {
  const spec = object["spec"] as { readonly template: PodTemplate };
  const { metadata, spec: pod } = spec.template;
  const started = JSON.stringify([parts.settings, parts.secrets?.stores, parts.secrets?.adminToken]);
  const mark = createHash("sha256").update(started).digest("hex").slice(0, 16);
  const template = {
    ...spec.template,
    metadata: { ...metadata, annotations: { "slipway.dev/started-with": mark } },
    spec: { ...pod, containers: pod.containers.map((one) => ({ ...one, image: parts.image })) },
  };
  return { ...object, spec: { ...spec, template } };
}
