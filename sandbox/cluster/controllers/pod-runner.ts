import { numberAt, objectAt, objectsAt, textAt, type JsonObject } from "../json.ts";
import { kindNamed } from "../kinds.ts";
import { kubeTime, type KubeObject } from "../object.ts";
import type { PodOutcome } from "../outcome.ts";
import { creatingStatus, isFinal, nextStatus } from "./container-state.ts";
import type { Hands } from "./hands.ts";
import { conditionOf } from "./pods-of.ts";

/** Plays scheduler and kubelet: binds pods to nodes and takes them through their states. */
export interface PodRunner {
  /** Looks at a pod that appeared or changed. */
  reconcile(pod: KubeObject): void;
  setOutcome(outcome: (image: string) => PodOutcome): void;
}

/** What the runner works with. */
export interface PodRunnerDeps {
  readonly hands: Hands;
  readonly readyAfterMs: number;
  readonly outcome: (image: string) => PodOutcome;
}

/** A runner whose pods follow `outcome` of their images. */
export function createPodRunner(deps: PodRunnerDeps): PodRunner {
  const run = { ...deps, bound: 0, ending: new Set<string>(), started: new Set<string>() };
  return {
    reconcile: (pod) => lookAt(run, pod),
    setOutcome(outcome) {
      run.outcome = outcome;
    },
  };
}

interface Run {
  readonly hands: Hands;
  readonly readyAfterMs: number;
  outcome: (image: string) => PodOutcome;
  /** How many pods were given a node so far: spreads them, and numbers their addresses. */
  bound: number;
  /** Pods, by uid, that a timer will remove. */
  readonly ending: Set<string>;
  /** Pods, by uid, whose containers were started. */
  readonly started: Set<string>;
}

const kubelet = "kubelet";

function lookAt(run: Run, pod: KubeObject): void {
  const { uid, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return endPod(run, pod);
  if (textAt(pod.spec, "nodeName") === "") return bind(run, pod);
  if (run.started.has(uid)) return;
  run.started.add(uid);
  startPod(run, pod);
}

/** A pod that is told to end is gone a moment later. */
function endPod({ hands, ending, started, readyAfterMs }: Run, pod: KubeObject): void {
  const { uid } = pod.metadata;
  if (ending.has(uid)) return;
  ending.add(uid);
  hands.after(Math.min(readyAfterMs, 50), () => {
    ending.delete(uid);
    started.delete(uid);
    const last = hands.fresh(pod);
    if (last !== undefined) hands.remove(last, { gracePeriodSeconds: 0 });
  });
}

function bind(run: Run, pod: KubeObject): void {
  const { hands } = run;
  const nodes = hands.store.list(kindNamed("Node"));
  const fitting = nodes.filter((node) => fits(node, pod));
  const node = fitting[run.bound % Math.max(1, fitting.length)];
  if (node === undefined) return leavePending(hands, pod, nodes.length);
  hands.update({ ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } }, "kube-scheduler");
}

function fits(node: KubeObject, pod: KubeObject): boolean {
  const wanted = Object.entries(objectAt(pod.spec, "nodeSelector"));
  return wanted.every(([label, value]) => node.metadata.labels?.[label] === value);
}

function leavePending(hands: Hands, pod: KubeObject, nodes: number): void {
  if (textAt(conditionOf(pod, "PodScheduled"), "reason") === "Unschedulable") return;
  const message =
    nodes === 0
      ? "no nodes available to schedule pods"
      : `0/${nodes} nodes are available: ${nodes} node(s) didn't match Pod's node affinity/selector.`;
  const scheduled = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
  const conditions = [{ ...scheduled, lastProbeTime: null, lastTransitionTime: kubeTime(hands.now()) }];
  hands.updateStatus({ ...pod, status: { ...pod.status, conditions } }, "kube-scheduler");
  hands.report(pod, { type: "Warning", reason: "FailedScheduling", message, component: "default-scheduler" });
}

function startPod(run: Run, pod: KubeObject): void {
  run.bound += 1;
  const { hands } = run;
  const statuses = objectsAt(pod.spec, "containers").map(creatingStatus);
  const hostIP = `10.0.0.${(run.bound % 250) + 1}`;
  const status = podStatus(pod, {
    statuses,
    now: hands.now(),
    more: { hostIP, startTime: kubeTime(hands.now()) },
  });
  hands.updateStatus({ ...pod, status }, kubelet);
  const podIP = `10.244.${Math.floor(run.bound / 250) % 250}.${(run.bound % 250) + 1}`;
  if (run.readyAfterMs === 0) advance(run, pod, podIP);
  else hands.after(run.readyAfterMs, () => advance(run, pod, podIP));
}

/** Takes every container of the pod one state further, and comes back while something is still moving. */
function advance(run: Run, known: KubeObject, podIP: string): void {
  const { hands } = run;
  const pod = hands.fresh(known);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
  const before = objectsAt(pod.status, "containerStatuses");
  const ends = pod.metadata.ownerReferences?.some(({ kind }) => kind === "Job") === true;
  const statuses = objectsAt(pod.spec, "containers").map((container, index) => {
    const status = before[index];
    if (status !== undefined && isFinal(status)) return status;
    const outcome = run.outcome(textAt(container, "image"));
    return nextStatus({ pod, container, status, outcome, ends, now: hands.now() });
  });
  const status = podStatus(pod, { statuses, now: hands.now(), more: { podIP, podIPs: [{ ip: podIP }] } });
  hands.updateStatus({ ...pod, status }, kubelet);
  reportTrouble(hands, pod, statuses);
  if (!statuses.every(isFinal)) hands.after(waitMs(run, statuses), () => advance(run, pod, podIP));
}

/** Failing containers are looked at more and more rarely. */
function waitMs({ readyAfterMs }: Run, statuses: readonly JsonObject[]): number {
  const restarts = Math.max(0, ...statuses.map((status) => numberAt(status, "restartCount")));
  const running = statuses.some((status) => objectAt(status, "state")["running"] !== undefined);
  const stepMs = Math.max(readyAfterMs, 50);
  return running ? stepMs : Math.min(10_000, stepMs * 2 ** Math.min(restarts + 1, 8));
}

function reportTrouble(hands: Hands, pod: KubeObject, statuses: readonly JsonObject[]): void {
  for (const status of statuses) {
    const name = textAt(status, "name");
    const image = textAt(status, "image");
    const reason = textAt(status, "state", "waiting", "reason");
    const say = (what: string, message: string): void =>
      hands.report(pod, { type: "Warning", reason: what, message, component: kubelet });
    if (reason === "ErrImagePull") say("Failed", `Failed to pull image "${image}": not found`);
    if (reason === "ImagePullBackOff") say("BackOff", `Back-off pulling image "${image}"`);
    if (reason === "CrashLoopBackOff") {
      say("BackOff", `Back-off restarting failed container ${name} in pod ${pod.metadata.name}`);
    }
    const running = objectAt(status, "state")["running"] !== undefined;
    if (
      running &&
      status["ready"] === false &&
      numberAt(status, "restartCount") === 0 &&
      status["started"] === true
    ) {
      say("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503");
    }
  }
}

interface StatusInput {
  readonly statuses: readonly JsonObject[];
  readonly now: Date;
  readonly more: JsonObject;
}

function podStatus(pod: KubeObject, { statuses, now, more }: StatusInput): JsonObject {
  const unready = statuses
    .filter((status) => status["ready"] !== true)
    .map((status) => textAt(status, "name"));
  const phase = phaseOf(statuses);
  const over = phase === "Succeeded";
  const ready = unready.length === 0 ? {} : unreadyWhy(unready, over);
  const wanted: readonly JsonObject[] = [
    { type: "PodReadyToStartContainers", status: "True" },
    { type: "Initialized", status: "True" },
    { type: "Ready", status: unready.length === 0 ? "True" : "False", ...ready },
    { type: "ContainersReady", status: unready.length === 0 ? "True" : "False", ...ready },
    { type: "PodScheduled", status: "True" },
  ];
  const conditions = wanted.map((condition) => {
    const old = conditionOf(pod, textAt(condition, "type"));
    const same = old?.["status"] === condition["status"];
    const lastTransitionTime = (same ? old?.["lastTransitionTime"] : undefined) ?? kubeTime(now);
    return { ...condition, lastTransitionTime };
  });
  return { ...pod.status, qosClass: "BestEffort", phase, ...more, conditions, containerStatuses: statuses };
}

function unreadyWhy(names: readonly string[], over: boolean): JsonObject {
  if (over) return { reason: "PodCompleted" };
  return { reason: "ContainersNotReady", message: `containers with unready status: [${names.join(" ")}]` };
}

function phaseOf(statuses: readonly JsonObject[]): string {
  const ended = statuses.map((status) => objectAt(status, "state", "terminated")["exitCode"]);
  if (ended.every((code) => code !== undefined))
    return ended.every((code) => code === 0) ? "Succeeded" : "Failed";
  const neverRan = (status: JsonObject): boolean =>
    objectAt(status, "state")["waiting"] !== undefined && numberAt(status, "restartCount") === 0;
  return statuses.some(neverRan) ? "Pending" : "Running";
}
