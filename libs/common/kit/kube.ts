import { request as send } from "undici";
import type { Dispatcher } from "undici";

import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import { loadKubeCredentials } from "./kube-credentials.ts";
import type { KubeCredentials, KubeLoadOptions, KubeTarget } from "./kube-credentials.ts";
import { orAborted } from "./kube-abort.ts";
import { createDiscoverer } from "./kube-discovery.ts";
import type { KubeApi, KubeRequest, KubeResponse } from "./kube-types.ts";
import { watchOnce } from "./kube-watch.ts";

export type { KubeTarget } from "./kube-credentials.ts";
export type * from "./kube-types.ts";

const callTimeoutMs = 30_000;
/** A page of 500 full objects has about 4 MB. */
const answerBytesAtMost = 64 * 1024 * 1024;
const tooManyAttempts = 4;
const tooManyPauseMsAtMost = 5_000;

/**
 * The one door to the Kubernetes API. client-node only reads the kubeconfig and makes the
 * credential: its own requests open a connection each, and its watches end after 30 s.
 * SETTINGS_INVALID says what is wrong with the target.
 */
export async function createKubeApi(target: KubeTarget, options: KubeLoadOptions = {}): Promise<KubeApi> {
  const credentials = await loadKubeCredentials(target, options);
  const request = (wanted: KubeRequest): Promise<KubeResponse> => call(credentials, wanted);
  const discoverer = createDiscoverer({ request, defaultNamespace: credentials.namespace });
  return {
    get server() {
      return credentials.server;
    },
    defaultNamespace: credentials.namespace,
    request,
    watch: (wanted) => watchOnce(credentials, wanted),
    discover: (o) => discoverer.discover(o),
    objectPath: (address) => discoverer.objectPath(address),
    reloadCredentials: () => credentials.reload(),
    close: () => credentials.close(),
  };
}

// 401 and 429 are answered before anything was done, so the same request may go out again.
async function call(credentials: KubeCredentials, wanted: KubeRequest): Promise<KubeResponse> {
  const untilMs = systemClock.monotonicMs() + (wanted.timeoutMs ?? callTimeoutMs);
  let reloaded = false;
  for (let attempt = 1; ; attempt += 1) {
    const reading = credentials.readings();
    const answer = await callOnce(credentials, wanted, untilMs - systemClock.monotonicMs());
    if (answer.status === 401 && !reloaded) {
      reloaded = true;
      await credentials.reload(reading);
      continue;
    }
    if (answer.status !== 429 || attempt >= tooManyAttempts) return answer;
    const pauseMs = Number(answer.headers.get("retry-after") ?? "1") * 1_000 * (0.75 + Math.random() / 2);
    const leftMs = untilMs - systemClock.monotonicMs();
    if (!(pauseMs <= Math.min(leftMs, tooManyPauseMsAtMost))) return answer;
    await systemClock.sleep(pauseMs, wanted.signal);
  }
}

async function callOnce(
  credentials: KubeCredentials,
  wanted: KubeRequest,
  timeoutMs: number,
): Promise<KubeResponse> {
  const late = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const signal = wanted.signal === undefined ? late : AbortSignal.any([wanted.signal, late]);
  try {
    const access = await orAborted(credentials.access(wanted.connection ?? "call"), signal);
    const answer = await orAborted(
      send(urlOf(credentials.server, wanted), {
        ...requestOptions(wanted, access.headers),
        dispatcher: access.dispatcher,
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      }),
      signal,
    );
    const text = await readText(answer.body);
    return parseAnswer({ status: answer.statusCode, headers: toHeaders(answer.headers), text });
  } catch (cause) {
    wanted.signal?.throwIfAborted();
    if (cause instanceof SlipwayError) throw cause;
    const reason = late.aborted ? `no answer within ${Math.ceil(timeoutMs)} ms` : reasonOf(cause);
    const where = `${wanted.method} ${credentials.server}${wanted.path}`;
    const more = await credentials.lookAgain();
    throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `${where}: ${reason}${more}`, cause });
  }
}

function requestOptions(
  wanted: KubeRequest,
  access: Readonly<Record<string, string>>,
): Pick<Dispatcher.RequestOptions, "method" | "headers" | "body" | "reset"> {
  const headers: Record<string, string> = { ...access, accept: wanted.accept ?? "application/json" };
  if (wanted.ifNoneMatch !== undefined) headers["if-none-match"] = wanted.ifNoneMatch;
  const reset = wanted.connection === "probe";
  if (wanted.body === undefined) return { method: wanted.method, headers, reset };
  headers["content-type"] = wanted.contentType ?? "application/json";
  const body = typeof wanted.body === "string" ? wanted.body : JSON.stringify(wanted.body);
  return { method: wanted.method, headers, reset, body };
}

/** The address of a path of the API server, which may itself live under a path. */
function urlOf(server: string, wanted: { path: string; query?: Readonly<Record<string, string>> }): string {
  const query = new URLSearchParams(wanted.query).toString();
  return query === "" ? `${server}${wanted.path}` : `${server}${wanted.path}?${query}`;
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > answerBytesAtMost)
      throw new SlipwayError("CLUSTER_UNAVAILABLE", {
        detail: `an answer of more than ${answerBytesAtMost} bytes`,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseAnswer(answer: { status: number; headers: Headers; text: string }): KubeResponse {
  const { status, headers, text } = answer;
  const isJson = (headers.get("content-type") ?? "").includes("json");
  if (!isJson || status === 304) return { status, headers, body: text };
  try {
    return { status, headers, body: JSON.parse(text) as unknown };
  } catch (cause) {
    throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: "the answer is not whole JSON", cause });
  }
}

function toHeaders(raw: Dispatcher.ResponseData["headers"]): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw))
    for (const one of Array.isArray(value) ? value : [value ?? ""]) headers.append(name, one);
  return headers;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? `${error.message} (${String(error.code)})` : error.message;
}
