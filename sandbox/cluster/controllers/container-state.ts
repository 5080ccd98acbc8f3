import { createHash } from "node:crypto";

import { unreachable } from "#common/domain/unreachable.ts";

import { numberAt, objectAt, textAt, type JsonObject } from "../json.ts";
import { kubeTime, type KubeObject } from "../object.ts";
import type { PodOutcome } from "../outcome.ts";

/** What the next state of a container is made from. */
export interface ContainerInput {
  readonly pod: KubeObject;
  /** The container of the pod's spec. */
  readonly container: JsonObject;
  /** Its status so far, or nothing. */
  readonly status: JsonObject | undefined;
  readonly outcome: PodOutcome;
  /** Whether the pod is meant to end (it belongs to a Job). */
  readonly ends: boolean;
  readonly now: Date;
}

/** The status of a container that a node has just been given. */
export function creatingStatus(container: JsonObject): JsonObject {
  return {
    ...common(container, 0),
    ready: false,
    started: false,
    state: { waiting: { reason: "ContainerCreating" } },
    lastState: {},
  };
}

/** The next status of a container. */
export function nextStatus(input: ContainerInput): JsonObject {
  switch (input.outcome) {
    case "ready":
      return input.ends ? endingStatus(input, completed) : runningStatus(input, true);
    case "never-ready":
      return runningStatus(input, false);
    case "pull-failure":
      return pullFailure(input);
    case "crash":
      return crash(input, { exitCode: 1, reason: "Error" });
    case "out-of-memory":
      return crash(input, { exitCode: 137, reason: "OOMKilled" });
    default:
      return unreachable(input.outcome);
  }
}

/** Whether nothing more happens to the container by itself. */
export function isFinal(status: JsonObject): boolean {
  return status["ready"] === true || objectAt(status, "state")["terminated"] !== undefined;
}

function common(container: JsonObject, restartCount: number): JsonObject {
  const image = textAt(container, "image");
  // Which digest a tag names is known to registries alone; only a digest that was asked for is certain.
  return { name: textAt(container, "name"), image, imageID: image.includes("@") ? image : "", restartCount };
}

function containerId({ pod, container }: ContainerInput, restart: number): string {
  const text = `${pod.metadata.uid}/${textAt(container, "name")}/${restart}`;
  return `containerd://${createHash("sha256").update(text).digest("hex")}`;
}

function restartsOf({ status }: ContainerInput): number {
  return numberAt(status, "restartCount");
}

function runningStatus(input: ContainerInput, ready: boolean): JsonObject {
  const restarts = restartsOf(input);
  const running = objectAt(input.status, "state", "running");
  const startedAt = textAt(running, "startedAt") || kubeTime(input.now);
  return {
    ...common(input.container, restarts),
    ready,
    started: true,
    containerID: containerId(input, restarts),
    state: { running: { startedAt } },
    lastState: objectAt(input.status, "lastState"),
  };
}

interface End {
  readonly exitCode: number;
  readonly reason: string;
}

function terminated(input: ContainerInput, end: End): JsonObject {
  const running = objectAt(input.status, "state", "running");
  const finishedAt = kubeTime(input.now);
  return {
    ...end,
    startedAt: textAt(running, "startedAt") || finishedAt,
    finishedAt,
    containerID: containerId(input, restartsOf(input)),
  };
}

function isRunning({ status }: ContainerInput): boolean {
  return objectAt(status, "state")["running"] !== undefined;
}

const completed: End = { exitCode: 0, reason: "Completed" };

/** A container that runs once and ends. */
function endingStatus(input: ContainerInput, end: End): JsonObject {
  if (!isRunning(input)) return { ...runningStatus(input, end.exitCode === 0), ready: false };
  return {
    ...common(input.container, restartsOf(input)),
    ready: false,
    started: false,
    containerID: containerId(input, restartsOf(input)),
    state: { terminated: terminated(input, end) },
    lastState: {},
  };
}

function pullFailure(input: ContainerInput): JsonObject {
  const image = textAt(input.container, "image");
  const cause = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": not found`;
  const first = textAt(input.status, "state", "waiting", "reason") === "ContainerCreating";
  const waiting = first
    ? { reason: "ErrImagePull", message: `rpc error: code = NotFound desc = ${cause}` }
    : {
        reason: "ImagePullBackOff",
        message: `Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound desc = ${cause}`,
      };
  return {
    ...common(input.container, restartsOf(input)),
    ready: false,
    started: false,
    state: { waiting },
    lastState: objectAt(input.status, "lastState"),
  };
}

/** Runs for a moment, ends with an error, waits longer and longer. */
function crash(input: ContainerInput, end: End): JsonObject {
  const { pod, container } = input;
  if (textAt(pod.spec, "restartPolicy") === "Never") return endingStatus(input, end);
  if (!isRunning(input)) return runningStatus(input, false);
  const restarts = restartsOf(input) + 1;
  const name = textAt(container, "name");
  const where = `${pod.metadata.name}_${pod.metadata.namespace ?? ""}(${pod.metadata.uid})`;
  const message = `back-off ${Math.min(300, 10 * 2 ** (restarts - 1))}s restarting failed container=${name} pod=${where}`;
  return {
    ...common(container, restarts),
    ready: false,
    started: false,
    containerID: containerId(input, restarts),
    state: { waiting: { reason: "CrashLoopBackOff", message } },
    lastState: { terminated: terminated(input, end) },
  };
}
