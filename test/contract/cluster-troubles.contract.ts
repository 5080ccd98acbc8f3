import { expect, test } from "vitest";

import type { KubeObject } from "#common/kit/kube.ts";
import { pollUntil } from "#common/kit/retry.ts";
import type { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";

import { explainWorkload } from "../../services/cluster-watcher/explain-workload.ts";
import { aDaemonSet, aDeployment, aJob, aStatefulSet, live, type ClusterLab } from "./cluster-lab.ts";

/** Where a cluster tells why a workload is not well, as the watcher reads it. */
export function statesTroubles(lab: () => ClusterLab): void {
  test.each([
    ["crash", "CrashLoopBackOff", /^exit code 1, \d+ restarts?/],
    ["out-of-memory", "CrashLoopBackOff", /^OOMKilled, exit code 137, \d+ restarts?/],
    ["pull-failure", "ImagePullBackOff", /not found/],
    ["never-ready", "Unhealthy", /^Readiness probe failed: .*503/],
  ])("a container of outcome %s shows as %s", async (outcome, reason, message) => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, `test/${outcome}:1`)));
    const trouble = await untilTrouble(lab(), { namespace }, (one) => one.reason === reason);
    expect(trouble).toMatchObject({ container: "app", message: expect.stringMatching(message) });
    expect(trouble.pod).toMatch(/^web-/);
    expect(trouble.exitCode).toBe({ crash: 1, "out-of-memory": 137 }[outcome]);
  });

  test("only pods of the newest template count, though the old ones run on", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aDeployment({ namespace }, "test/never-ready:1")));
    const first = await untilTrouble(lab(), { namespace }, (one) => one.reason === "Unhealthy");
    live(await lab().apply(aDeployment({ namespace }, "test/pull-failure:1")));
    await untilTrouble(lab(), { namespace }, (one) => one.reason === "ImagePullBackOff");
    const pods = (await troublesOf(lab(), { namespace })).map(({ pod }) => pod);
    expect(pods).not.toContain(first.pod);
  });

  test("a pod that no node fits says what the scheduler found", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(withNodeSelector(aDeployment({ namespace }, "test/ready:1"))));
    const trouble = await untilTrouble(lab(), { namespace }, (one) => one.reason === "Unschedulable");
    expect(trouble.message).toMatch(/^0\/\d+ nodes are available: .*didn't match Pod's node affinity/);
  });

  test("pods of StatefulSets, DaemonSets and Jobs are found by their owner", async () => {
    const namespace = await lab().namespace();
    live(await lab().apply(aStatefulSet({ namespace, name: "set" }, "test/crash:1")));
    live(await lab().apply(aDaemonSet({ namespace, name: "daemon" }, "test/crash:1")));
    live(await lab().apply(aJob({ namespace, name: "job" }, "test/crash:1")));
    const exits = (one: Trouble): boolean => one.exitCode === 1;
    for (const [kind, name] of [
      ["statefulset", "set"],
      ["daemonset", "daemon"],
      ["job", "job"],
    ] as const) {
      const trouble = await untilTrouble(lab(), { namespace, kind, name }, exits);
      expect(trouble.pod).toMatch(new RegExp(`^${name}-`));
    }
  });

  test("a StatefulSet is held up by a broken pod of the revision before", async () => {
    const namespace = await lab().namespace();
    const where = { namespace, kind: "statefulset", name: "set" };
    live(await lab().apply(aStatefulSet({ namespace, name: "set" }, "test/pull-failure:1")));
    await untilTrouble(lab(), where, (one) => one.reason === "ImagePullBackOff");
    const back = aStatefulSet({ namespace, name: "set" }, "test/ready:1");
    live(await lab().apply(back));
    await lab().until(
      back,
      ({ metadata, status }) => (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1),
    );
    const held = await untilTrouble(lab(), where, (one) => one.message.includes("delete the pod"));
    expect(held).toMatchObject({ pod: "set-0", reason: "ImagePullBackOff" });
    await lab().remove({ apiVersion: "v1", kind: "Pod", metadata: { namespace, name: "set-0" } });
    await lab().until(back, ({ status }) => status?.readyReplicas === 1);
  });

  test("what is not there, and what is well, has no troubles", async () => {
    const namespace = await lab().namespace();
    expect(await troublesOf(lab(), { namespace })).toEqual([]);
    const object = aDeployment({ namespace }, "test/ready:1");
    live(await lab().apply(object));
    await lab().until(object, ({ status }) => status?.availableReplicas === 1);
    expect(await troublesOf(lab(), { namespace })).toEqual([]);
  });
}

interface Where {
  readonly namespace: string;
  readonly kind?: string;
  readonly name?: string;
}

function troublesOf({ api }: ClusterLab, where: Where): Promise<Trouble[]> {
  return explainWorkload(api, { environment: "default", kind: "deployment", name: "web", ...where });
}

async function untilTrouble(
  lab: ClusterLab,
  where: Where,
  passes: (trouble: Trouble) => boolean,
): Promise<Trouble> {
  let last: unknown;
  const look = async (): Promise<Trouble | undefined> => {
    const troubles = await troublesOf(lab, where);
    last = troubles;
    return troubles.find(passes);
  };
  return pollUntil(look, { everyMs: 50, timeoutMs: 30_000 }).catch((cause: unknown) => {
    throw new Error(`last seen: ${JSON.stringify(last)}`, { cause });
  });
}

function withNodeSelector(object: KubeObject): KubeObject {
  const { spec } = object as unknown as { spec: { template: { spec: object } } };
  const template = { ...spec.template, spec: { ...spec.template.spec, nodeSelector: { disk: "none" } } };
  return { ...object, spec: { ...spec, template } };
}
