import type { Quirks } from "./quirks.ts";

/** What the next requests are met with, and how often each kind of request came. */
export interface FaultControls {
  /** The next requests under /v2/ (not the ping) are answered with this status. */
  failNext(count: number, fault: { readonly status: number; readonly retryAfter?: number | string }): void;
  /** Requests to this repository get no answer until the returned function is called or the registry stops. */
  hang(repository: string): () => void;
  /** Each page of this repository's list names another one, with a fresh tag or with the same ones. */
  endlessPages(repository: string, kind?: "fresh" | "repeated"): void;
  /** The next answers end in the middle of their body, as if that were all. */
  truncateNext(count: number): void;
  /** A page size in a list request is answered with 400. */
  refusePageSize(refuse: boolean): void;
  /** It differs from the plain registry so, and in nothing else, from now on. */
  behave(quirks: Quirks): void;
  /** Ends every fault. */
  heal(): void;
}

export interface Faults {
  readonly controls: FaultControls;
  takeFailure(): { readonly status: number; readonly retryAfter?: number | string } | undefined;
  takeTruncation(): boolean;
  /** Resolves when requests to this repository may go on. */
  wait(repository: string): Promise<void>;
  endless(repository: string): "fresh" | "repeated" | undefined;
  refusesPageSize(): boolean;
  quirks(): Quirks;
  /** Whether this request is one that a storm of 429 takes. */
  takeStorm(): boolean;
}

export function createFaults(): Faults {
  let failures: { left: number; status: number; retryAfter?: number | string } = { left: 0, status: 500 };
  let truncations = 0;
  let pageSizeRefused = false;
  let quirks: Quirks = {};
  let stormed = 0;
  const gates = new Map<string, { readonly open: Promise<void>; readonly release: () => void }>();
  const endless = new Map<string, "fresh" | "repeated">();

  function hang(repository: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const release = () => {
      if (gates.get(repository)?.release === release) gates.delete(repository);
      resolve();
    };
    gates.get(repository)?.release();
    gates.set(repository, { open: promise, release });
    return release;
  }

  const controls: FaultControls = {
    failNext: (count, fault) => void (failures = { left: count, ...fault }),
    hang,
    endlessPages: (repository, kind = "fresh") => void endless.set(repository, kind),
    truncateNext: (count) => void (truncations = count),
    refusePageSize: (refuse) => void (pageSizeRefused = refuse),
    behave: (next) => void (quirks = next),
    heal() {
      quirks = {};
      failures = { left: 0, status: 500 };
      truncations = 0;
      pageSizeRefused = false;
      endless.clear();
      for (const gate of gates.values()) gate.release();
    },
  };

  return {
    controls,
    takeFailure() {
      if (failures.left === 0) return undefined;
      failures = { ...failures, left: failures.left - 1 };
      return failures;
    },
    takeTruncation() {
      if (truncations === 0) return false;
      truncations -= 1;
      return true;
    },
    wait: async (repository) => gates.get(repository)?.open,
    endless: (repository) => endless.get(repository),
    refusesPageSize: () => pageSizeRefused,
    quirks: () => quirks,
    takeStorm() {
      if (quirks.storm === undefined) return false;
      stormed += 1;
      return stormed % quirks.storm.every !== 0;
    },
  };
}
