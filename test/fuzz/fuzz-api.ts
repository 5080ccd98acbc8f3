import { Agent, request } from "node:http";

import type { ServedApi } from "#support/served-api.ts";

import { createRandom } from "./random.ts";
import { createRequests } from "./requests.ts";
import type { FuzzRequest } from "./requests.ts";

export interface FuzzOptions {
  readonly url: string;
  readonly served: ServedApi;
  readonly tokens: readonly string[];
  readonly jobs: readonly string[];
  readonly seed: number;
  readonly requests: number;
}

export interface FuzzReport {
  readonly answered: number;
  readonly vanished: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** What should not have been, with the request that led to it. */
  readonly faults: readonly string[];
}

const atOnce = 8;
const longestMs = 30_000;
const mostFaults = 20;

/** Sends requests made of the served document; every 5xx and every undeclared answer is a fault. */
export async function fuzzApi(options: FuzzOptions): Promise<FuzzReport> {
  const { url, served, seed, requests } = options;
  const next = createRequests(createRandom(seed), { ...options, document: served.document });
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce * 2 });
  const report = { answered: 0, vanished: 0, statuses: {} as Record<string, number>, faults: [] as string[] };
  let left = requests;
  const sendOne = async (asked: FuzzRequest): Promise<void> => {
    const got = await send({ url, agent }, asked);
    if (got === undefined) {
      report.vanished += 1;
      return;
    }
    report.answered += 1;
    report.statuses[got.status] = (report.statuses[got.status] ?? 0) + 1;
    const undeclared = got.status >= 500 ? got.text : served.undeclared({ ...asked, ...got });
    if (undeclared !== undefined) report.faults.push(`${describe(asked)}: ${got.status} ${undeclared}`);
  };
  const turns = Array.from({ length: atOnce }, async () => {
    while (left > 0 && report.faults.length < mostFaults) {
      left -= 1;
      const asked = next();
      await Promise.all(asked.twice ? [sendOne(asked), sendOne(asked)] : [sendOne(asked)]);
    }
  });
  try {
    await Promise.all(turns);
  } finally {
    agent.destroy();
  }
  return report;
}

interface Got {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

/** The answer; undefined for a client that went away. */
function send({ url, agent }: { url: string; agent: Agent }, asked: FuzzRequest): Promise<Got | undefined> {
  const { method, body, vanishes } = asked;
  // Nobody ends the jobs here: a client that waits as long as it may would learn nothing more.
  const path = asked.path.replace(/([?&]wait=)\d+s/, "$11s");
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const call = request(`${url}${path}`, {
      method,
      agent,
      headers: { ...Object.fromEntries(Object.entries(asked.headers).map(toLatin)), ...length },
      timeout: longestMs,
    });
    call.on("timeout", () => call.destroy(new Error(`no answer to ${describe(asked)}`)));
    call.on("error", (error: NodeJS.ErrnoException) => {
      // A body that is refused before it has come is cut off.
      if (vanishes || error.code === "EPIPE" || error.code === "ECONNRESET") resolve(undefined);
      else reject(new Error(describe(asked), { cause: error }));
    });
    call.on("response", (response) => {
      if (vanishes) {
        call.destroy();
        resolve(undefined);
        return;
      }
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const contentType = response.headers["content-type"] ?? null;
        resolve({ status: response.statusCode ?? 0, contentType, text });
      });
    });
    call.end(body);
  });
}

/** Header values are bytes; what is more than one is not sent. */
function toLatin([name, value]: [string, string]): [string, string] {
  return [name, Buffer.from(value, "latin1").toString("latin1")];
}

function describe({ operation, method, path, headers, body }: FuzzRequest): string {
  const shown = JSON.stringify({ ...headers, authorization: undefined });
  return `${operation}: ${method} ${path.slice(0, 300)} ${shown.slice(0, 300)} ${(body ?? "").slice(0, 500)}`;
}
