import { badRequest } from "./errors.ts";
import { numberAt, objectsAt, textAt } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** A few lines as the container of a pod would have written them, by what became of it. */
export function podLog(pod: KubeObject, wanted: string): string {
  const containers = objectsAt(pod.spec, "containers").map((container) => textAt(container, "name"));
  const name = wanted === "" ? containers[0] : containers.find((one) => one === wanted);
  if (name === undefined) throw badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`);
  const status = objectsAt(pod.status, "containerStatuses").find((one) => one["name"] === name);
  const waiting = textAt(status, "state", "waiting", "reason");
  const restarts = numberAt(status, "restartCount");
  if (waiting !== "" && restarts === 0) {
    const why = waiting === "ContainerCreating" ? waiting : "trying and failing to pull image";
    throw badRequest(`container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${why}`);
  }
  const lines = [`starting ${textAt(status, "image")}`, "listening on :8080"];
  if (restarts > 0) lines.push(`attempt ${restarts}: cannot reach its configuration`, "fatal: giving up");
  else if (status?.["ready"] === true) lines.push("ready");
  else lines.push("readiness: dependency not reachable, answering 503");
  return lines.map((line) => `${line}\n`).join("");
}
