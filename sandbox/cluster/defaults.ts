import { at, isObject, objectAt, objectsAt, textAt, withAt, type Json, type JsonObject } from "./json.ts";

/** The object with the defaults the API server writes into new and changed objects. */
export function withDefaults(kind: string, object: JsonObject): JsonObject {
  const preset = presets[kind];
  return preset === undefined ? object : preset(object);
}

const presets: Readonly<Record<string, (object: JsonObject) => JsonObject>> = {
  Deployment: deployment,
  StatefulSet: statefulSet,
  DaemonSet: daemonSet,
  ReplicaSet: (object) => podTemplate(fill(object, ["spec"], { replicas: 1 }), templatePath),
  ReplicationController: (object) => podTemplate(fill(object, ["spec"], { replicas: 1 }), templatePath),
  Job: job,
  CronJob: cronJob,
  Pod: (object) => podSpec(object, ["spec"]),
  Service: service,
  Namespace: namespace,
  Secret: secret,
};

const templatePath = ["spec", "template"];

/** The object with each missing key of the part at `path` filled in. */
function fill(object: JsonObject, path: readonly string[], values: JsonObject): JsonObject {
  const part = at(object, ...path);
  return withAt(object, path, { ...values, ...(isObject(part) ? part : {}) });
}

function deployment(object: JsonObject): JsonObject {
  const basic = fill(object, ["spec"], {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  const typed = fill(basic, ["spec", "strategy"], { type: "RollingUpdate" });
  const rolling = textAt(typed, "spec", "strategy", "type") === "RollingUpdate";
  const full = rolling
    ? fill(typed, ["spec", "strategy", "rollingUpdate"], { maxUnavailable: "25%", maxSurge: "25%" })
    : typed;
  return podTemplate(full, templatePath);
}

function statefulSet(object: JsonObject): JsonObject {
  const basic = fill(object, ["spec"], {
    replicas: 1,
    podManagementPolicy: "OrderedReady",
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
  });
  return podTemplate(rollingUpdate(basic, { partition: 0 }), templatePath);
}

function daemonSet(object: JsonObject): JsonObject {
  const basic = fill(object, ["spec"], { revisionHistoryLimit: 10 });
  return podTemplate(rollingUpdate(basic, { maxUnavailable: 1, maxSurge: 0 }), templatePath);
}

function rollingUpdate(object: JsonObject, values: JsonObject): JsonObject {
  const typed = fill(object, ["spec", "updateStrategy"], { type: "RollingUpdate" });
  if (textAt(typed, "spec", "updateStrategy", "type") !== "RollingUpdate") return typed;
  return fill(typed, ["spec", "updateStrategy", "rollingUpdate"], values);
}

function job(object: JsonObject): JsonObject {
  const open =
    at(object, "spec", "completions") === undefined && at(object, "spec", "parallelism") === undefined;
  const filled = fill(object, ["spec"], {
    parallelism: 1,
    ...(open ? { completions: 1 } : {}),
    backoffLimit: 6,
    manualSelector: false,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
  });
  return podTemplate(labelledJob(filled), templatePath);
}

/** A Job gets a selector and labels of its own, from its uid. */
function labelledJob(object: JsonObject): JsonObject {
  const uid = textAt(object, "metadata", "uid");
  if (uid === "" || at(object, "spec", "manualSelector") === true) return object;
  const name = textAt(object, "metadata", "name");
  const labels = {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  };
  const templateLabels = { ...objectAt(object, "spec", "template", "metadata", "labels"), ...labels };
  const selector = { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
  const labelled = fill(fill(object, ["spec"], { selector }), ["metadata", "labels"], labels);
  return withAt(labelled, [...templatePath, "metadata", "labels"], templateLabels);
}

function cronJob(object: JsonObject): JsonObject {
  const basic = fill(object, ["spec"], {
    concurrencyPolicy: "Allow",
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
  });
  return podTemplate(basic, ["spec", "jobTemplate", "spec", "template"]);
}

function service(object: JsonObject): JsonObject {
  const basic = fill(object, ["spec"], {
    type: "ClusterIP",
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
  });
  const ports = objectsAt(basic, "spec", "ports").map((port) => ({
    protocol: "TCP",
    ...(port["port"] === undefined ? {} : { targetPort: port["port"] }),
    ...port,
  }));
  return ports.length === 0 ? basic : withAt(basic, ["spec", "ports"], ports);
}

function namespace(object: JsonObject): JsonObject {
  const labelled = fill(object, ["metadata", "labels"], {
    "kubernetes.io/metadata.name": textAt(object, "metadata", "name"),
  });
  return fill(fill(labelled, ["spec"], { finalizers: ["kubernetes"] }), ["status"], { phase: "Active" });
}

function secret(object: JsonObject): JsonObject {
  const { stringData, ...rest } = object;
  const typed: JsonObject = { type: "Opaque", ...rest };
  if (!isObject(stringData)) return typed;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(typeof value === "string" ? value : "").toString("base64"),
  ]);
  return { ...typed, data: { ...objectAt(object, "data"), ...Object.fromEntries(encoded) } };
}

function podTemplate(object: JsonObject, path: readonly string[]): JsonObject {
  return isObject(at(object, ...path, "spec")) ? podSpec(object, [...path, "spec"]) : object;
}

function podSpec(object: JsonObject, path: readonly string[]): JsonObject {
  const filled = fill(object, path, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
  });
  return ["containers", "initContainers"].reduce((result, list) => {
    const items = objectsAt(result, ...path, list);
    return items.length === 0 ? result : withAt(result, [...path, list], items.map(container));
  }, filled);
}

function container(value: JsonObject): JsonObject {
  const ports = objectsAt(value, "ports").map((port): Json => ({ protocol: "TCP", ...port }));
  return {
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: pullPolicy(textAt(value, "image")),
    ...value,
    ...(ports.length === 0 ? {} : { ports }),
  };
}

function pullPolicy(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const tag = image.slice(image.lastIndexOf("/") + 1).split(":")[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}
