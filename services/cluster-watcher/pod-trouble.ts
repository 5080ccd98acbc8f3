import type { KubeObject } from "#common/kit/kube-types.ts";
import { cleanLine } from "./clean-text.ts";

/** One thing that is wrong with a pod, or that it still waits for. */
export interface PodTrouble {
  /** Empty where it is the pod's, not a container's. */
  readonly container: string;
  /** The API server's own word. */
  readonly reason: string;
  /** Without the pod's name; may be empty. */
  readonly message: string;
  /** Of the container's last end; undefined when it has not ended. */
  readonly exitCode: number | undefined;
  readonly restarts: number;
  /** It passes by itself where all goes well: a pod that starts, or is not ready yet. */
  readonly isStarting: boolean;
  /** Whether the container has written anything: where to look for its last words. */
  readonly log: "none" | "current" | "previous";
}

interface ContainerEnd {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStatus {
  readonly name?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: ContainerEnd;
  };
  readonly lastState?: { readonly terminated?: ContainerEnd };
}

interface PodShape {
  readonly spec?: { readonly containers?: readonly unknown[] };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/**
 * What keeps a pod from being ready, the gravest first: containers that cannot run (init containers
 * before the others: nothing starts until they end), the scheduler, then what only takes its time.
 */
export function podTroubles(object: KubeObject): PodTrouble[] {
  if (object.metadata.deletionTimestamp !== undefined) return [];
  const pod = object as PodShape;
  const inits = pod.status?.initContainerStatuses ?? [];
  const mains = pod.status?.containerStatuses ?? [];
  // A container is named where the pod's name alone would not tell which one it is.
  const isAlone = (pod.spec?.containers ?? []).length <= 1;
  const found = [
    ...inits.flatMap((status) => containerTrouble(status, `init container ${status.name ?? "?"}`)),
    ...mains.flatMap((status) => containerTrouble(status, isAlone ? "" : (status.name ?? ""))),
    ...schedulerTrouble(pod),
    ...podFailure(pod),
  ];
  // Several containers wait for one and the same start.
  const all = found.length === 0 ? notReady(pod, mains) : found;
  return all.toSorted((a, b) => Number(a.isStarting) - Number(b.isStarting));
}

const starting = new Set(["ContainerCreating", "PodInitializing"]);
const messageLength = 300;

function containerTrouble(status: ContainerStatus, label: string): PodTrouble[] {
  const { waiting, terminated } = status.state ?? {};
  const last = status.lastState?.terminated;
  const restarts = status.restartCount ?? 0;
  const base = { container: status.name ?? "", exitCode: last?.exitCode, restarts };
  if (waiting?.reason !== undefined) {
    // Of a crash the kubelet tells how long it waits; how it ended says more.
    const crashed = last !== undefined && waiting.reason === "CrashLoopBackOff";
    const message = crashed ? endText(last, restarts) : (waiting.message ?? "");
    const isStarting = starting.has(waiting.reason);
    const log = last === undefined ? "none" : "previous";
    return [{ ...base, reason: waiting.reason, message: labelled(label, message), isStarting, log }];
  }
  if (terminated?.exitCode === undefined || terminated.exitCode === 0) return [];
  const message = labelled(label, endText(terminated, restarts));
  const reason = terminated.reason ?? "Error";
  return [
    { ...base, exitCode: terminated.exitCode, reason, message, isStarting: false, log: "current" as const },
  ];
}

/** `OOMKilled, exit code 137, 3 restarts`: "Error" says no more than the code does. */
function endText({ reason, exitCode, message }: ContainerEnd, restarts: number): string {
  const named = reason === undefined || reason === "Error" || reason === "Completed" ? [] : [reason];
  const times = `${restarts} restart${restarts === 1 ? "" : "s"}`;
  // What the container wrote to its termination log, or why it could not even start.
  const told = message === undefined || message.trim() === "" ? [] : [message.trim()];
  return [...named, `exit code ${exitCode ?? "?"}`, times, ...told].join(", ");
}

function labelled(label: string, message: string): string {
  const text = cleanLine(message, messageLength);
  if (label === "") return text;
  return text === "" ? label : `${label}: ${text}`;
}

function schedulerTrouble(pod: PodShape): PodTrouble[] {
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status !== "False") return [];
  const reason = scheduled.reason ?? "Unschedulable";
  return [ofPod(reason, scheduled.message, false)];
}

/** Evicted, refused by its node: its controller makes another one, so this alone stops nothing. */
function podFailure({ status }: PodShape): PodTrouble[] {
  if (status?.phase !== "Failed" || status.reason === undefined) return [];
  return [ofPod(status.reason, status.message, true)];
}

/** It runs, and yet is not ready: probes fail, or have not been asked yet. */
function notReady(pod: PodShape, containers: readonly ContainerStatus[]): PodTrouble[] {
  const ready = conditionOf(pod, "Ready");
  const over = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  if (over || ready?.status !== "False" || containers.length === 0) return [];
  const trouble = ofPod(ready.reason ?? "ContainersNotReady", ready.message, true);
  const waitedFor = containers.find((status) => status.ready !== true);
  if (waitedFor === undefined) return [trouble];
  const last = waitedFor.lastState?.terminated;
  const restarts = waitedFor.restartCount ?? 0;
  const container = { container: waitedFor.name ?? "", restarts, exitCode: last?.exitCode };
  if (last === undefined || last.exitCode === 0) return [{ ...trouble, ...container, log: "current" }];
  // It crashed and was started again: what it wrote before that says more than its new beginning.
  const message = cleanLine(`not ready again, ${endText(last, restarts)}`, messageLength);
  return [{ ...trouble, ...container, message, log: "previous" }];
}

function ofPod(reason: string, message: string | undefined, isStarting: boolean): PodTrouble {
  const text = cleanLine(message ?? "", messageLength);
  return { container: "", reason, message: text, exitCode: undefined, restarts: 0, isStarting, log: "none" };
}

function conditionOf({ status }: PodShape, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}
