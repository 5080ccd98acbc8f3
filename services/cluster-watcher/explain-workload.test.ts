import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeApi, KubeObject, KubeRequest } from "#common/kit/kube-types.ts";
import type { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";

import { explainWorkload } from "./explain-workload.ts";

type Answer = number | string | KubeObject | readonly KubeObject[] | Error;

/** What the API server holds, by path; a list for a collection, a number for a refusal. */
interface Held {
  readonly workload?: Answer;
  readonly sets?: Answer;
  readonly jobs?: Answer;
  readonly pods?: Answer;
  readonly events?: Readonly<Record<string, Answer>>;
  readonly logs?: Readonly<Record<string, Answer>>;
}

function apiOf(held: Held) {
  const requests: KubeRequest[] = [];
  const find = ({ path, query = {} }: KubeRequest): Answer => {
    if (path.endsWith("/log")) {
      const key = [query["container"], query["previous"] === "true" ? "previous" : ""].join(" ").trim();
      return held.logs?.[key] ?? 404;
    }
    if (path.endsWith("/events")) {
      const name = /involvedObject\.name=([^,]+)/.exec(query["fieldSelector"] ?? "")?.[1] ?? "";
      return held.events?.[name] ?? held.events?.["*"] ?? [];
    }
    if (path.endsWith("/replicasets")) return held.sets ?? [];
    if (path.endsWith("/jobs")) return held.jobs ?? [];
    return path.endsWith("/pods") ? (held.pods ?? []) : (held.workload ?? 404);
  };
  const api = {
    objectPath: async ({ kind, namespace, name }: { kind: string; namespace?: string; name?: string }) =>
      `/${kind}/${namespace}/${name}`,
    request: async (request: KubeRequest) => {
      requests.push(request);
      const found = find(request);
      if (found instanceof Error) throw found;
      const headers = new Headers();
      if (typeof found === "number") return { status: found, body: {}, headers };
      return { status: 200, body: Array.isArray(found) ? { items: found } : found, headers };
    },
  } as unknown as KubeApi;
  return { api, requests };
}

const asked = { environment: "default", namespace: "shop", kind: "deployment", name: "web" };
const explain = (held: Held, kind = "deployment"): Promise<Trouble[]> =>
  explainWorkload(apiOf(held).api, { ...asked, kind });

const revision = (value: string) => ({ "deployment.kubernetes.io/revision": value });
const madeBy = (uid: string) => ({
  ownerReferences: [{ kind: "Maker", name: "maker", uid, controller: true }],
});
const deployment = {
  metadata: { namespace: "shop", name: "web", uid: "d1", generation: 2, annotations: revision("2") },
  spec: {
    replicas: 1,
    selector: {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["a", "b"] },
        { key: "old", operator: "DoesNotExist" },
      ],
    },
    template: { spec: { containers: [{ name: "app", image: "web:2" }] } },
  },
  status: { observedGeneration: 2 },
};
const set = (uid: string, number: string) => ({
  metadata: { namespace: "shop", name: `web-${uid}`, uid, annotations: revision(number), ...madeBy("d1") },
});
const sets = [set("r1", "1"), set("r2", "2")];

function pod(name: string, status: object, more: { owner?: string; labels?: object } = {}): KubeObject {
  return {
    metadata: {
      namespace: "shop",
      name,
      uid: `uid-${name}`,
      ...madeBy(more.owner ?? "r2"),
      ...(more.labels === undefined ? {} : { labels: more.labels as Record<string, string> }),
    },
    spec: { containers: [{ name: "app", image: "web:2" }] },
    status,
  };
}
const crash = (restartCount = 3, exitCode = 1) => ({
  containerStatuses: [
    {
      name: "app",
      restartCount,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode, reason: "Error" } },
    },
  ],
});
const waiting = (reason: string) => ({
  containerStatuses: [{ name: "app", state: { waiting: { reason } } }],
});
const unready = {
  phase: "Running",
  conditions: [{ type: "Ready", status: "False", reason: "ContainersNotReady" }],
  containerStatuses: [{ name: "app", ready: false, state: { running: {} } }],
};
const event = (reason: string, message: string, lastTimestamp = "2016-11-18T16:00:00Z"): KubeObject => ({
  metadata: {},
  type: "Warning",
  reason,
  message,
  lastTimestamp,
});

describe("a workload's troubles are", () => {
  test("those of the pods of its newest template, the gravest first, with the last words", async () => {
    const pods = [
      pod("starting", waiting("ContainerCreating")),
      pod("pulling", waiting("ImagePullBackOff")),
      pod("crashing", crash()),
      pod("old", crash(), { owner: "r1" }),
      pod("foreign", crash(), { owner: "other" }),
    ];
    const logs = { "app previous": "starting\npassword=hunter2\nfatal: giving up\n", app: "new words" };
    expect(await explain({ workload: deployment, sets, pods, logs })).toEqual([
      {
        pod: "crashing",
        container: "app",
        reason: "CrashLoopBackOff",
        message: "exit code 1, 3 restarts",
        exitCode: 1,
        restarts: 3,
        logLines: ["starting", "password=[redacted]", "fatal: giving up"],
      },
      expect.objectContaining({ pod: "pulling", reason: "ImagePullBackOff", logLines: [] }),
      expect.objectContaining({ pod: "starting", reason: "ContainerCreating", logLines: [] }),
    ]);
  });
  test("asked for by its selector, within limits", async () => {
    const { api, requests } = apiOf({ workload: deployment, sets, pods: [pod("a", crash())] });
    await explainWorkload(api, asked);
    const queryOf = (end: string) => requests.find(({ path }) => path.endsWith(end))?.query;
    expect(queryOf("/replicasets")?.["labelSelector"]).toBe("app=web,tier in (a,b),!old");
    expect(queryOf("/pods")?.["limit"]).toBe("500");
    expect(queryOf("/log")).toMatchObject({ container: "app", previous: "true", tailLines: "20" });
    expect(requests.every(({ signal }) => signal !== undefined)).toBe(true);
  });
  test("what the kubelet tells in events where a pod only waits", async () => {
    const events = {
      unready: [
        event("Unhealthy", "Readiness probe failed: 500", "2016-11-18T16:00:00Z"),
        event("Unhealthy", "Readiness probe failed: 503", "2016-11-18T16:05:00Z"),
        event("Pulled", "Container image is there"),
      ],
    };
    const pods = [pod("mounting", waiting("ContainerCreating")), pod("unready", unready)];
    const logs = { app: "not reachable" };
    expect(await explain({ workload: deployment, sets, pods, events, logs })).toMatchObject([
      {
        pod: "unready",
        reason: "Unhealthy",
        message: "Readiness probe failed: 503",
        logLines: ["not reachable"],
      },
      { pod: "mounting", reason: "ContainerCreating" },
    ]);
  });
  test("that its pods cannot be made, by the events of who makes them", async () => {
    const events = { "web-r2": [event("FailedCreate", 'pods "web-r2-x" is forbidden: exceeded quota: q')] };
    expect(await explain({ workload: deployment, sets, events })).toMatchObject([
      { pod: "", reason: "FailedCreate", message: 'pods "web-r2-x" is forbidden: exceeded quota: q' },
    ]);
    expect(
      await explain({ workload: deployment, events: { web: [event("FailedCreate", "no")] } }),
    ).toMatchObject([{ reason: "FailedCreate" }]);
  });
  test("none when it is not there, of a kind that has no pods, or well", async () => {
    expect(await explain({})).toEqual([]);
    expect(await explain({ workload: deployment }, "helmrelease")).toEqual([]);
    const count = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    const well = { ...deployment, status: { observedGeneration: 2, ...count } };
    const pods = [pod("starting", waiting("ContainerCreating"))];
    expect(await explain({ workload: well, sets, pods, events: { "*": 403 } })).toEqual([]);
  });
  test("at most ten, with the logs of three and the events of five pods", async () => {
    const pods = Array.from({ length: 40 }, (_, index) => pod(`p${index}`, crash(index)));
    const { api, requests } = apiOf({ workload: deployment, sets, pods, logs: { "app previous": "words" } });
    const troubles = await explainWorkload(api, asked);
    expect(troubles.map((one) => one.pod)).toHaveLength(10);
    expect(troubles[0]?.pod).toBe("p39");
    expect(requests.filter(({ path }) => path.endsWith("/log"))).toHaveLength(3);
    expect(requests.filter(({ path }) => path.endsWith("/events"))).toHaveLength(7);
  });
});

describe("kinds", () => {
  const statefulSet = {
    ...deployment,
    status: { ...deployment.status, updateRevision: "web-b", currentRevision: "web-a" },
  };
  const ofRevision = (hash: string) => ({ owner: "d1", labels: { "controller-revision-hash": hash } });

  test("a StatefulSet that waits for a broken pod of another revision says what to do", async () => {
    const pods = [pod("web-0", crash(), ofRevision("web-a"))];
    const [trouble] = await explain({ workload: statefulSet, pods }, "statefulset");
    expect(trouble).toMatchObject({ pod: "web-0", reason: "CrashLoopBackOff" });
    expect(trouble?.message).toContain("exit code 1, 3 restarts; it is of another revision");
    expect(trouble?.message).toContain("delete the pod");
  });
  test("a StatefulSet's own pods are those of its update revision", async () => {
    const pods = [pod("web-1", crash(), ofRevision("web-b"))];
    const [trouble] = await explain({ workload: statefulSet, pods }, "statefulset");
    expect(trouble?.message).toBe("exit code 1, 3 restarts");
  });
  test("a DaemonSet's are those with the images of its template", async () => {
    const old = pod("old", crash(), { owner: "d1" });
    const pods = [
      { ...old, spec: { containers: [{ name: "app", image: "web:1" }] } },
      pod("new", crash(), { owner: "d1" }),
    ];
    expect((await explain({ workload: deployment, pods }, "daemonset")).map((one) => one.pod)).toEqual([
      "new",
    ]);
  });
  test("a CronJob's are those of its newest Job", async () => {
    const job = (uid: string, creationTimestamp: string) => ({
      metadata: { namespace: "shop", name: uid, uid, creationTimestamp, ...madeBy("d1") },
    });
    const jobs = [job("j1", "2016-11-18T16:00:00Z"), job("j2", "2016-11-18T17:00:00Z")];
    const pods = [pod("first", crash(), { owner: "j1" }), pod("last", crash(), { owner: "j2" })];
    expect((await explain({ workload: deployment, jobs, pods }, "cronjob")).map((one) => one.pod)).toEqual([
      "last",
    ]);
    expect(await explain({ workload: deployment }, "cronjob")).toEqual([]);
  });
  test("a pod explains itself", async () => {
    expect(await explain({ workload: pod("lone", crash()) }, "pod")).toMatchObject([{ pod: "lone" }]);
  });
  test("a ReplicationController's selector is a map", async () => {
    const workload = { ...deployment, kind: "ReplicationController", spec: { selector: { app: "web" } } };
    const { api, requests } = apiOf({ workload });
    await explainWorkload(api, { ...asked, kind: "replicationcontroller" });
    expect(requests.at(1)?.query?.["labelSelector"]).toBe("app=web");
  });
});

describe("what may not be read", () => {
  const held = { workload: deployment, sets, pods: [pod("a", crash())] };

  test("of logs and events is said, and the rest is told", async () => {
    const logs = { "app previous": 403 };
    expect(await explain({ ...held, logs, events: { "*": 403 } })).toMatchObject([
      {
        reason: "CrashLoopBackOff",
        message:
          "exit code 1, 3 restarts (the right to get pods/log is missing) (the right to list events in shop is missing)",
        logLines: [],
      },
    ]);
    expect(await explain({ workload: deployment, sets, events: { "*": 403 } })).toMatchObject([
      { reason: "EventsForbidden", message: "the right to list events in shop is missing" },
    ]);
  });
  test("of pods is all there is to tell", async () => {
    expect(await explain({ ...held, pods: 403 })).toMatchObject([
      { reason: "Forbidden", message: "the right to read /api/v1/namespaces/shop/pods is missing" },
    ]);
  });
  test.each([400, 500, 502, new Error("cut")])("because of %s costs only the log", async (answer) => {
    const [trouble] = await explain({ ...held, logs: { "app previous": answer, app: answer } });
    expect(trouble).toMatchObject({ message: "exit code 1, 3 restarts", logLines: [] });
  });
  test("of the container before is read of the one that is there", async () => {
    const [trouble] = await explain({ ...held, logs: { "app previous": 400, app: "began again" } });
    expect(trouble?.logLines).toEqual(["began again"]);
  });
  test("because the API server is away is an error", async () => {
    const away = new SlipwayError("CLUSTER_UNAVAILABLE");
    await expect(explain({ workload: away })).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
    await expect(explain({ ...held, pods: 503 })).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
    expect(await explain({ ...held, events: { "*": away } })).toMatchObject([{ reason: "CrashLoopBackOff" }]);
  });
});
