import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import type { Transport } from "../../cli/http.ts";
import { followEnvironment } from "../io/follow-environment.ts";
import { sleep } from "../io/sleep.ts";

export type LiveState = "connecting" | "live" | "offline";

/** What changed: which lists somebody who shows them should read again. */
export type Topic = "workloads" | "images" | "git" | "jobs" | "environment";

export interface Live {
  readonly state: ReadonlySignal<LiveState>;
  /** When the line was cut, by the browser's counter; undefined while it is there. */
  readonly cutAtMs: ReadonlySignal<number | undefined>;
  follow(environment: string): void;
  stop(): void;
  /** Called soon after something of the topic changed, several changes as one. */
  on(topic: Topic, listener: () => void): () => void;
}

const gatherMs = 250;

export function createLive(transport: Transport): Live {
  const state = signal<LiveState>("connecting");
  const cutAtMs = signal<number | undefined>(undefined);
  const listeners = new Map<Topic, Set<() => void>>();
  const waiting = new Map<Topic, ReturnType<typeof setTimeout>>();
  let stopping = new AbortController();
  let followed = "";

  const tell = (topic: Topic): void => {
    if (waiting.has(topic)) return;
    const later = (): void => {
      waiting.delete(topic);
      listeners.get(topic)?.forEach((listener) => listener());
    };
    waiting.set(topic, setTimeout(later, gatherMs));
  };
  const tellAll = (): void => (["workloads", "images", "git", "jobs", "environment"] as const).forEach(tell);

  const run = async (environment: string, stop: AbortSignal): Promise<void> => {
    for await (const news of followEnvironment({ transport, sleep }, environment, stop)) {
      if (news.kind === "cut") {
        cutAtMs.value ??= performance.now();
        state.value = "offline";
      } else if (news.kind === "connected") {
        const wasCut = cutAtMs.value !== undefined;
        cutAtMs.value = undefined;
        state.value = "live";
        if (wasCut || !news.complete) tellAll();
      } else tell(topicOf(news.name));
    }
  };

  const begin = (environment: string): void => {
    stopping.abort();
    stopping = new AbortController();
    followed = environment;
    void run(environment, stopping.signal);
  };
  // The browser knows sooner than a stream that nothing arrives on.
  window.addEventListener("offline", () => {
    stopping.abort();
    cutAtMs.value ??= performance.now();
    state.value = "offline";
  });
  window.addEventListener("online", () => {
    if (followed !== "") begin(followed);
  });

  return {
    state,
    cutAtMs,
    follow: (environment) => {
      if (environment === followed && !stopping.signal.aborted) return;
      state.value = "connecting";
      begin(environment);
    },
    stop: () => {
      followed = "";
      stopping.abort();
    },
    on: (topic, listener) => {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(listener));
      return () => void set.delete(listener);
    },
  };
}

function topicOf(event: string): Topic {
  switch (event) {
    case "job":
      return "jobs";
    case "workloads":
    case "images":
    case "git":
      return event;
    default:
      // Freezes and whatever else is stored about an environment.
      return "environment";
  }
}
