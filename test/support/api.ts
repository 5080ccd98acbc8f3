import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";

import type {
  Job,
  JobPage,
  Problem,
  Step,
  Steps,
  WorkloadImages,
  WorkloadPage,
} from "#common/contracts/http.ts";
import type { ReleaseRequestInput } from "#common/contracts/requests.ts";
import { pollUntil } from "#common/kit/retry.ts";

import { readServedApi } from "./served-api.ts";
import type { ServedApi } from "./served-api.ts";

/** An answer as it came; `body` is whatever the status means. */
export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** The HTTP API for tests: every call has a limit, and a refusal that is not expected throws. */
export interface TestApi {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  /** Any request, whatever it answers; `token` replaces ours. */
  ask<T = Problem>(method: string, path: string, sent?: Sent): Promise<Answer<T>>;
  release(body: ReleaseRequestInput): Promise<Job>;
  rollback(id: string): Promise<Job>;
  job(id: string): Promise<Job>;
  jobs(query?: string): Promise<readonly Job[]>;
  steps(id: string): Promise<readonly Step[]>;
  workloads(query?: string): Promise<WorkloadPage>;
  images(workload: { environment: string; id: string; query?: string }): Promise<WorkloadImages>;
  /** The job when it has ended. */
  waitForJob(id: string, timeoutMs?: number): Promise<Job>;
  /** The job when `fits` says so. */
  waitForJobThat(id: string, fits: (job: Job) => boolean, timeoutMs?: number): Promise<Job>;
}

export interface Sent {
  readonly body?: unknown;
  /** A body that is not JSON of ours. */
  readonly rawBody?: string;
  readonly token?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const requestTimeoutMs = 90_000;
const jobTimeoutMs = 60_000;
const lookEveryMs = 50;

export function createTestApi({ url, token }: { readonly url: string; readonly token: string }): TestApi {
  // Whatever it does not declare is a failure of the test that meets it.
  let served: Promise<ServedApi> | undefined;
  const ask = async <T>(method: string, path: string, sent: Sent = {}): Promise<Answer<T>> => {
    const text = sent.rawBody ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${sent.token ?? token}`,
        ...(text !== undefined && { "content-type": "application/json" }),
        ...(sent.key !== undefined && { "idempotency-key": sent.key }),
        ...sent.headers,
      },
      ...(text !== undefined && { body: text }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const answer = await response.text();
    served ??= readServedApi(url);
    const contentType = response.headers.get("content-type");
    const undeclared = (await served).undeclared({
      method,
      path,
      status: response.status,
      contentType,
      text: answer,
    });
    if (undeclared !== undefined) throw new Error(`${method} ${path}: ${undeclared}`);
    return { status: response.status, headers: response.headers, body: JSON.parse(answer) as T };
  };
  const must = async <T>(method: string, path: string, sent?: Sent): Promise<T> => {
    const answer = await ask<T>(method, path, sent);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const post = (path: string, body: unknown) => must<Job>("POST", path, { body, key: randomUUID() });
  const job = (id: string) => must<Job>("GET", `/v1/jobs/${id}`);
  const waitForJobThat: TestApi["waitForJobThat"] = async (id, fits, timeoutMs = jobTimeoutMs) => {
    let last: Job | undefined;
    const look = async (): Promise<boolean> => fits((last = await job(id)));
    try {
      await pollUntil(look, { everyMs: lookEveryMs, timeoutMs, what: `job ${id}` });
    } catch (cause) {
      throw new Error(`job ${id} stays as it is: ${JSON.stringify(last)}`, { cause });
    }
    return last ?? job(id);
  };
  return {
    url,
    ask,
    get: (path) => must("GET", path),
    release: (body) => post("/v1/releases", body),
    rollback: (id) => post(`/v1/jobs/${id}/rollback`, {}),
    job,
    jobs: async (query = "") => (await must<JobPage>("GET", `/v1/jobs${query}`)).jobs,
    steps: async (id) => (await must<Steps>("GET", `/v1/jobs/${id}/steps`)).steps,
    workloads: (query = "") => must("GET", `/v1/workloads${query}`),
    images: ({ environment, id, query = "" }) => {
      const [namespace, rest = ""] = id.split(":", 2);
      return must("GET", `/v1/environments/${environment}/workloads/${namespace}/${rest}/images${query}`);
    },
    waitForJob: (id, timeoutMs) => waitForJobThat(id, (found) => found.finishedAt !== null, timeoutMs),
    waitForJobThat,
  };
}

export interface CommandLineRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The true command line as a child process, whatever its exit code. */
export function runCommandLine(
  { url, token }: { readonly url: string; readonly token: string },
  args: readonly string[],
): Promise<CommandLineRun> {
  const main = join(import.meta.dirname, "../../cli/main.ts");
  const env = { ...process.env, SLIPWAY_URL: url, SLIPWAY_TOKEN: token };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [main, ...args], { env, timeout: jobTimeoutMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(new Error(`slipway ${args.join(" ")} did not end by itself`, { cause: error }));
    });
  });
}
