import { badRequest } from "./errors.ts";
import { numberAt, objectsAt, textAt } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** Which lines of which container are wanted. */
export interface LogWish {
  /** Empty: the pod's first. */
  readonly container: string;
  /** Of the container that ended before the one that is there now. */
  readonly previous?: boolean;
}

/** A few lines as the container of a pod would have written them, by what became of it. */
export function podLog(pod: KubeObject, { container: wanted, previous = false }: LogWish): string {
  const containers = objectsAt(pod.spec, "containers").map((container) => textAt(container, "name"));
  const name = wanted === "" ? containers[0] : containers.find((one) => one === wanted);
  if (name === undefined) throw badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`);
  const status = objectsAt(pod.status, "containerStatuses").find((one) => one["name"] === name);
  const restarts = numberAt(status, "restartCount");
  if (previous) {
    if (restarts > 0) return linesOf(textAt(status, "image"), crashed(restarts));
    throw badRequest(`previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
  }
  const waiting = textAt(status, "state", "waiting", "reason");
  if (waiting !== "" && restarts === 0) {
    const why = waiting === "ContainerCreating" ? waiting : "trying and failing to pull image";
    throw badRequest(`container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${why}`);
  }
  if (restarts > 0) return linesOf(textAt(status, "image"), crashed(restarts));
  const last = status?.["ready"] === true ? "ready" : "readiness: dependency not reachable, answering 503";
  return linesOf(textAt(status, "image"), [last]);
}

function crashed(restarts: number): readonly string[] {
  return [`attempt ${restarts}: cannot reach its configuration`, "fatal: giving up"];
}

function linesOf(image: string, more: readonly string[]): string {
  return [`starting ${image}`, "listening on :8080", ...more].map((line) => `${line}\n`).join("");
}
