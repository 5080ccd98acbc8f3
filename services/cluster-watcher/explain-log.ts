import type { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";
import { cleanLog, maxLogLines } from "./clean-text.ts";
import type { Reader } from "./explain-events.ts";
import type { PodTrouble } from "./pod-trouble.ts";

/** A trouble, and where its last words are. */
export interface Found {
  readonly trouble: Trouble;
  readonly log: PodTrouble["log"];
  /** It may pass by itself, and no cause is known. */
  readonly isWaiting: boolean;
}

/** More than is shown: a limit cuts the end off, and the end is what matters. */
const logBytes = 64 * 1024;

/** The trouble with the last lines its container wrote: before it ended, else up to now. */
export async function withLog(reader: Reader, namespace: string, found: Found): Promise<Trouble> {
  const { trouble, log } = found;
  if (log === "none" || trouble.pod === "" || trouble.container === "") return trouble;
  const first = await readLog(reader, namespace, { trouble, previous: log === "previous" });
  // The kubelet may have thrown the log of the ended container away.
  const answer =
    first === "absent" && log === "previous"
      ? await readLog(reader, namespace, { trouble, previous: false })
      : first;
  if (answer === "absent") return trouble;
  if (answer === "forbidden") {
    return { ...trouble, message: `${trouble.message} (the right to get pods/log is missing)`.trim() };
  }
  return { ...trouble, logLines: answer };
}

async function readLog(
  { api, signal }: Reader,
  namespace: string,
  { trouble, previous }: { trouble: Trouble; previous: boolean },
): Promise<string[] | "absent" | "forbidden"> {
  const query = {
    container: trouble.container,
    tailLines: String(maxLogLines),
    limitBytes: String(logBytes),
    ...(previous ? { previous: "true" } : {}),
  };
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${trouble.pod}/log`;
    const answer = await api.request({ method: "GET", path, query, signal, accept: "text/plain, */*" });
    if (answer.status === 403) return "forbidden";
    if (answer.status !== 200 || typeof answer.body !== "string") return "absent";
    return cleanLog(answer.body);
  } catch {
    // The node or its kubelet is away: the trouble is told without its log.
    return "absent";
  }
}
