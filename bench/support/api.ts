import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, JobPage, Workload, WorkloadPage } from "#common/contracts/http.ts";
import type { ReleaseRequestInput } from "#common/contracts/requests.ts";

/** The API as a pipeline uses it. */
export interface BenchApi {
  /** With an idempotency key of its own. */
  release(body: ReleaseRequestInput): Promise<Job>;
  job(id: string): Promise<Job>;
  /** The newest ones, at most 200. */
  newestJobs(limit: number): Promise<readonly Job[]>;
  /** All of them, with the age that the last page tells. */
  workloads(): Promise<Omit<WorkloadPage, "next">>;
  /** Asks again and again, `everyMs` after each answer. */
  poll<T>(ask: () => Promise<T | undefined>, o: PollOptions): Promise<T>;
  /** The job when it is over; throws unless it succeeded. */
  succeeded(id: string): Promise<Job>;
}

export interface PollOptions {
  readonly everyMs: number;
  readonly what: string;
}

interface Init {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const pollTimeoutMs = 120_000;
const mostPages = 20;
const requestTimeoutMs = 60_000;

/** Opens the API at an address; every request ends when the signal fires. */
export function createBenchApi(at: { url: string; token: string; signal: AbortSignal }): BenchApi {
  const authorization = `Bearer ${at.token}`;
  const ask = async (path: string, init: Init = {}): Promise<unknown> => {
    const signal = AbortSignal.any([at.signal, AbortSignal.timeout(requestTimeoutMs)]);
    const answer = await fetch(at.url + path, {
      ...init,
      headers: { authorization, ...init.headers },
      signal,
    });
    if (answer.ok) return answer.json();
    throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  };
  const job = async (id: string) => (await ask(`/v1/jobs/${id}`)) as Job;
  const poll: BenchApi["poll"] = async (question, { everyMs, what }) => {
    const untilMs = performance.now() + pollTimeoutMs;
    while (performance.now() < untilMs) {
      const found = await question();
      if (found !== undefined) return found;
      await sleep(everyMs, undefined, { signal: at.signal });
    }
    throw new Error(`${what} did not happen within ${pollTimeoutMs / 1000} s`);
  };
  return {
    job,
    poll,
    release: async (body) => {
      const content = { "content-type": "application/json", "idempotency-key": randomUUID() };
      return (await ask("/v1/releases", {
        method: "POST",
        headers: content,
        body: JSON.stringify(body),
      })) as Job;
    },
    newestJobs: async (limit) => ((await ask(`/v1/jobs?limit=${limit}`)) as JobPage).jobs,
    async workloads() {
      const workloads: Workload[] = [];
      let cursor = "";
      for (let pages = 0; pages < mostPages; pages += 1) {
        const page = (await ask(`/v1/workloads?limit=1000${cursor}`)) as WorkloadPage;
        workloads.push(...page.workloads);
        if (page.next === null) return { workloads, age: page.age };
        cursor = `&cursor=${encodeURIComponent(page.next)}`;
      }
      throw new RangeError(`the workloads have more than ${mostPages} pages`);
    },
    succeeded: async (id) => {
      const over = async () => {
        const now = (await ask(`/v1/jobs/${id}?wait=30s`)) as Job;
        return now.finishedAt === null ? undefined : now;
      };
      const ended = await poll(over, { everyMs: 10, what: `the end of ${id}` });
      if (ended.phase === "succeeded") return ended;
      throw new Error(`release ${id} is ${ended.phase}: ${JSON.stringify(ended.error ?? ended.results)}`);
    },
  };
}
