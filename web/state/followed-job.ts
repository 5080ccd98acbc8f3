import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import type { Job, Step } from "#common/contracts/http.ts";

import type { ApiClient } from "../../cli/api-client.ts";
import { followJob } from "../../cli/follow.ts";
import { sleep } from "../io/sleep.ts";
import type { Loaded } from "./workloads.ts";

export interface FollowedJob {
  readonly job: ReadonlySignal<Loaded<Job>>;
  readonly steps: ReadonlySignal<readonly Step[]>;
  /** Whether what is shown is followed, or the line is cut and tried again. */
  readonly cut: ReadonlySignal<boolean>;
  reload(): Promise<void>;
  stop(): void;
}

const patienceMs = 3_000;

/** A job as it goes on, until its end; a server that is away for long is tried again for as long as somebody looks. */
export function followOneJob(api: Pick<ApiClient, "events" | "job" | "steps">, id: string): FollowedJob {
  const job = signal<Loaded<Job>>({ kind: "loading" });
  const steps = signal<readonly Step[]>([]);
  const cut = signal(false);
  const stopping = new AbortController();
  const clock = { monotonicMs: () => performance.now(), now: () => new Date(), sleep };

  const once = async (): Promise<boolean> => {
    job.value = { kind: "ready", value: await api.job(id) };
    cut.value = false;
    for await (const event of followJob({ api: watchCuts(api, cut), clock }, id, stopping.signal)) {
      cut.value = false;
      if (event.kind === "step") steps.value = withStep(steps.value, event.step);
      else job.value = { kind: "ready", value: event.job };
      if (event.kind === "end") return true;
    }
    return false;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (await once()) return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (job.value.kind !== "ready") job.value = { kind: "failed", error };
        if (isRefused(error)) return;
        cut.value = true;
      }
      await sleep(patienceMs, stopping.signal).catch(() => undefined); // ended: the loop's head sees it
    }
  };
  void run();
  return {
    job,
    steps,
    cut,
    reload: async () => {
      job.value = { kind: "ready", value: await api.job(id) };
    },
    stop: () => stopping.abort(),
  };
}

function watchCuts(
  api: Pick<ApiClient, "events" | "job" | "steps">,
  cut: { value: boolean },
): Pick<ApiClient, "events" | "job" | "steps"> {
  return {
    ...api,
    events: async (...given) => {
      try {
        const events = await api.events(...given);
        cut.value = false;
        return events;
      } catch (error) {
        cut.value = true;
        throw error;
      }
    },
  };
}

/** Steps are told again when they change; their numbers stay. */
export function withStep(steps: readonly Step[], step: Step): readonly Step[] {
  const others = steps.filter((one) => one.number !== step.number);
  return [...others, step].sort((a, b) => a.number - b.number);
}

function isRefused(error: unknown): boolean {
  const status = (error as { parts?: { status?: number } }).parts?.status;
  return status !== undefined && status >= 400 && status < 500 && status !== 429 && status !== 401;
}
