import { request as send } from "undici";

import { SlipwayError } from "#common/domain/errors.ts";

import { orAborted } from "./kube-abort.ts";
import type { KubeCredentials } from "./kube-credentials.ts";
import type { KubeEvent, KubeStatus, KubeWatchRequest, WatchEnd } from "./kube-types.ts";

const openTimeoutMs = 10_000;
const silenceMsDefault = 90_000;
/** etcd holds objects up to 1.5 MB. */
const lineBytesAtMost = 16 * 1024 * 1024;
const refusalBytesAtMost = 64 * 1024;

/** One watch connection from its request to its end; see `WatchEnd`. */
export async function watchOnce(credentials: KubeCredentials, wanted: KubeWatchRequest): Promise<WatchEnd> {
  const query = new URLSearchParams({ ...wanted.query, watch: "1" }).toString();
  // Ends the connection whichever way we leave, also when reading a line failed.
  const done = new AbortController();
  const watchdog = createWatchdog(wanted.silenceMs ?? (() => silenceMsDefault), () => done.abort());
  const signal = AbortSignal.any([wanted.signal, done.signal]);
  try {
    const access = await orAborted(credentials.access("watch"), signal);
    const answer = await orAborted(
      send(`${credentials.server}${wanted.path}?${query}`, {
        method: "GET",
        headers: { ...access.headers, accept: wanted.accept ?? "application/json" },
        dispatcher: access.dispatcher,
        signal,
        headersTimeout: openTimeoutMs,
        bodyTimeout: 0,
      }),
      signal,
    );
    if (answer.statusCode !== 200) return await refusal(answer.statusCode, answer.body);
    wanted.onOpen?.();
    return await readEvents(watchdog.over(answer.body), (event) => wanted.onEvent(event));
  } catch (error) {
    if (wanted.signal.aborted) return { kind: "closed" };
    const silent = watchdog.barked();
    const what = silent ? "nothing was told for too long" : messageOf(error);
    const more = silent ? "" : await credentials.lookAgain();
    const told = unavailable(`${wanted.path}: ${what}${more}`, error);
    return { kind: "error", error: told, ...(silent && { silent }) };
  } finally {
    watchdog.stop();
    done.abort();
  }
}

/** Ends a stream that is silent for longer than is allowed at the moment. */
function createWatchdog(silenceMs: () => number, end: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let barked = false;
  const bark = (): void => {
    barked = true;
    end();
  };
  const feed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(bark, silenceMs());
  };
  return {
    barked: () => barked,
    stop: () => clearTimeout(timer),
    async *over(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      feed();
      for await (const chunk of body) {
        yield chunk;
        // What the chunk told may have changed how much silence is allowed.
        feed();
      }
    },
  };
}

async function readEvents(
  body: AsyncIterable<Buffer>,
  onEvent: (event: KubeEvent) => void,
): Promise<WatchEnd> {
  for await (const line of splitLines(body)) {
    const event = JSON.parse(line) as KubeEvent | { type: "ERROR"; object: KubeStatus };
    if (event.type === "ERROR") return endOf(event.object.code ?? 500, event.object);
    onEvent(event);
  }
  return { kind: "closed" };
}

/** The lines of a byte stream; a last one without its end was cut and is left out. */
async function* splitLines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, at)]).toString("utf8");
      rest = [];
      restBytes = 0;
      from = at + 1;
      if (line !== "") yield line;
    }
    if (from === chunk.length) continue;
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > lineBytesAtMost) throw new Error(`a watch line of more than ${lineBytesAtMost} bytes`);
  }
}

async function refusal(status: number, body: AsyncIterable<Buffer>): Promise<WatchEnd> {
  let text = "";
  for await (const chunk of body) {
    text += chunk.toString("utf8");
    if (text.length > refusalBytesAtMost) break;
  }
  return endOf(status, { kind: "Status", message: statusMessage(text) });
}

function endOf(code: number, status: KubeStatus): WatchEnd {
  if (code === 410) return { kind: "gone" };
  if (code === 401) return { kind: "unauthorized" };
  return { kind: "error", status: code, error: unavailable(`${code}: ${status.message ?? "no message"}`) };
}

function statusMessage(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // Not every refusal is JSON: 429 and unknown paths come as plain text.
    return text.trim();
  }
}

function unavailable(detail: string, cause?: unknown): SlipwayError {
  return new SlipwayError("CLUSTER_UNAVAILABLE", { detail, cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
