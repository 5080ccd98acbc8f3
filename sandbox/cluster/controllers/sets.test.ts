import { afterEach, describe, expect, test } from "vitest";

import { at, numberAt, textAt, type JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { aWorkload, createRig, type Rig } from "../rig.ts";

const rigs: Rig[] = [];

afterEach(() => {
  for (const rig of rigs.splice(0)) {
    rig.stop();
    expect(rig.faults).toEqual([]);
  }
});

function running(): Rig {
  const rig = createRig();
  rig.setOutcome((image) => (image.startsWith("bad") ? "never-ready" : "ready"));
  rigs.push(rig);
  return rig;
}

function imagesByName(rig: Rig): Readonly<Record<string, string>> {
  const entry = (pod: KubeObject): [string, string] => [
    pod.metadata.name,
    textAt((at(pod.spec, "containers") as JsonObject[])[0], "image"),
  ];
  return Object.fromEntries(rig.all("Pod").map(entry));
}

describe("a StatefulSet", () => {
  const aSet = (image: string, spec: JsonObject = {}) =>
    aWorkload("StatefulSet", image, { serviceName: "web", replicas: 3, ...spec });
  const isDone = ({ metadata, spec, status }: KubeObject): boolean =>
    numberAt(status, "observedGeneration") === metadata.generation &&
    numberAt(status, "readyReplicas") === numberAt(spec, "replicas") &&
    textAt(status, "currentRevision") === textAt(status, "updateRevision");

  test("makes its pods in order and replaces them from the highest down", async () => {
    const rig = running();
    const gone: string[] = [];
    rig.apply(aSet("web:1"));
    await rig.until("StatefulSet", "web", isDone);
    expect(Object.keys(imagesByName(rig))).toEqual(["web-0", "web-1", "web-2"]);
    rig.store.subscribe(({ type, kind, object }) => {
      if (type === "DELETED" && kind.kind === "Pod") gone.push(object.metadata.name);
    });
    rig.apply(aSet("web:2"));
    await rig.until("StatefulSet", "web", isDone);
    expect(gone).toEqual(["web-2", "web-1", "web-0"]);
    expect(new Set(Object.values(imagesByName(rig)))).toEqual(new Set(["web:2"]));
  });

  test("leaves pods below the partition alone", async () => {
    const rig = running();
    rig.apply(aSet("web:1"));
    await rig.until("StatefulSet", "web", isDone);
    rig.apply(aSet("web:2", { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } }));
    const updated = await rig.until("StatefulSet", "web", ({ metadata, status }) => {
      const observed = numberAt(status, "observedGeneration") === metadata.generation;
      return observed && numberAt(status, "updatedReplicas") === 1 && numberAt(status, "readyReplicas") === 3;
    });
    expect(textAt(updated.status, "currentRevision")).not.toBe(textAt(updated.status, "updateRevision"));
    expect(imagesByName(rig)).toEqual({ "web-0": "web:1", "web-1": "web:1", "web-2": "web:2" });
  });

  test("updates nothing by itself with OnDelete", async () => {
    const rig = running();
    const updateStrategy = { type: "OnDelete" };
    rig.apply(aSet("web:1", { updateStrategy }));
    await rig.until("StatefulSet", "web", isDone);
    rig.apply(aSet("web:2", { updateStrategy }));
    const idle = await rig.until("StatefulSet", "web", ({ metadata, status }) => {
      return numberAt(status, "observedGeneration") === metadata.generation;
    });
    expect(idle.status?.["updatedReplicas"]).toBeUndefined();
    const last = rig.get("Pod", "web-2");
    if (last !== undefined) rig.remove(last);
    await rig.until("StatefulSet", "web", ({ status }) => {
      return numberAt(status, "updatedReplicas") === 1 && numberAt(status, "readyReplicas") === 3;
    });
    expect(imagesByName(rig)).toEqual({ "web-0": "web:1", "web-1": "web:1", "web-2": "web:2" });
  });

  test("stops at the first pod that does not become ready", async () => {
    const rig = running();
    rig.apply(aSet("web:1"));
    await rig.until("StatefulSet", "web", isDone);
    rig.apply(aSet("bad:1"));
    await rig.until("Pod", "web-2", (pod) => textAt(pod.status, "phase") === "Running");
    await rig.until("StatefulSet", "web", ({ status }) => numberAt(status, "readyReplicas") === 2);
    expect(imagesByName(rig)).toEqual({ "web-0": "web:1", "web-1": "web:1", "web-2": "bad:1" });
  });

  test("scales down from the highest", async () => {
    const rig = running();
    rig.apply(aSet("web:1"));
    await rig.until("StatefulSet", "web", isDone);
    rig.apply(aSet("web:1", { replicas: 1 }));
    await rig.when(() => rig.all("Pod").length === 1);
    expect(imagesByName(rig)).toEqual({ "web-0": "web:1" });
  });
});

describe("a DaemonSet", () => {
  const isDone = ({ metadata, status }: KubeObject): boolean =>
    numberAt(status, "observedGeneration") === metadata.generation &&
    numberAt(status, "desiredNumberScheduled") > 0 &&
    numberAt(status, "updatedNumberScheduled") === numberAt(status, "desiredNumberScheduled") &&
    numberAt(status, "numberAvailable") === numberAt(status, "desiredNumberScheduled");

  test("has one pod on each node, and replaces them one after the other", async () => {
    const rig = running();
    rig.apply(aWorkload("DaemonSet", "web:1"));
    await rig.until("DaemonSet", "web", isDone);
    const nodes = rig.all("Pod").map((pod) => textAt(pod.spec, "nodeName"));
    expect(nodes.sort()).toEqual(["sandbox-1", "sandbox-2"]);
    const least: number[] = [];
    rig.store.subscribe(() => least.push(numberAt(rig.get("DaemonSet", "web")?.status, "numberAvailable")));
    rig.apply(aWorkload("DaemonSet", "web:2"));
    await rig.until("DaemonSet", "web", isDone);
    expect(Math.min(...least)).toBeGreaterThanOrEqual(1);
    expect(new Set(Object.values(imagesByName(rig)))).toEqual(new Set(["web:2"]));
  });

  test("follows a new node", async () => {
    const rig = running();
    rig.apply(aWorkload("DaemonSet", "web:1"));
    await rig.until("DaemonSet", "web", isDone);
    rig.create({ apiVersion: "v1", kind: "Node", metadata: { name: "sandbox-3" } });
    await rig.until("DaemonSet", "web", ({ status }) => numberAt(status, "numberAvailable") === 3);
  });
});
