import { queueNames } from "#common/contracts/queue.ts";
import type { QueueName, Subject } from "#common/contracts/queue.ts";

import { SlipwayError } from "#common/domain/errors.ts";

import type { Dependency } from "./health.ts";
import type { Service } from "./lifecycle.ts";
import { warnRarely } from "./log-rarely.ts";
import type { Log } from "./log.ts";
import { createPostgresQueueBackend, createRedisQueueBackend } from "./queue-backend.ts";
import type { QueueBackend, Ticket, TicketQueue } from "./queue-backend.ts";
import { pollUntil, withDeadline } from "./retry.ts";

/** Wakes whoever listens. The truth is in Postgres: a ring is a hint, and a lost one costs seconds. */
export interface Bell {
  readonly backend: "redis" | "postgres";
  /** Says "look at this". Never throws: while the backend is away it only logs. */
  ring(queue: QueueName, subject: Subject): Promise<void>;
  /** Rings again and again; remembered here and told to the backend anew, since it may forget. */
  every(queue: QueueName, subject: Subject, everyMs: number): Promise<void>;
  /**
   * Calls `look` for what is rung: one at a time per subject in all processes (as a rule: leases in
   * Postgres are what guarantees it), different subjects beside each other. `look` reads the truth.
   */
  listen(
    queue: QueueName,
    look: (subject: Subject) => Promise<void>,
    options: { readonly concurrency: number },
  ): Promise<Listener>;
}

export interface Listener {
  /** Waits for running looks up to the deadline; what is cut off runs again elsewhere. */
  close(): Promise<void>;
}

export interface QueueDoor extends Bell, Service {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** For `/readyz`. Not needed: without the queue requests are accepted, and workers look by themselves. */
  readonly dependency: Dependency;
}

export interface QueueOptions {
  /** Without it the queue lives in Postgres. */
  readonly redisUrl?: string | undefined;
  /** Signs the certificate of a `rediss:` server, where no public authority does. */
  readonly redisCaFile?: string | undefined;
  readonly databaseUrl: string;
  readonly log: Log;
  readonly trace?: ((line: string) => void) | undefined;
  /** How often schedules are told to the backend again. */
  readonly upsertEveryMs?: number;
  readonly closeTimeoutMs?: number;
}

interface Schedule {
  readonly queue: QueueName;
  readonly subject: Subject;
  readonly everyMs: number;
}

interface State {
  readonly backend: QueueBackend;
  readonly options: QueueOptions;
  readonly closeTimeoutMs: number;
  readonly warn: (text: string, facts?: Readonly<Record<string, unknown>>) => void;
  readonly queues: Map<QueueName, TicketQueue>;
  readonly schedules: Map<string, Schedule>;
  readonly listeners: Set<Listener>;
}

const readyTimeoutMs = 2_000;

/** Opens the bell on Redis when there is one, else on Postgres. */
export function createQueue(options: QueueOptions): QueueDoor {
  const { redisUrl, redisCaFile, databaseUrl, log } = options;
  const state: State = {
    backend:
      redisUrl === undefined
        ? createPostgresQueueBackend(databaseUrl)
        : createRedisQueueBackend({ url: redisUrl, caFile: redisCaFile }),
    options,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    warn: warnRarely(log, { everyMs: 10_000 }),
    queues: new Map(),
    schedules: new Map(),
    listeners: new Set(),
  };
  let upserting: NodeJS.Timeout | undefined;
  return {
    name: "queue",
    backend: state.backend.kind,
    start: async () => {
      await state.backend.prepare();
      await untilReady(state);
      await checkBackend(state);
      upserting = setInterval(() => void upsertAll(state), options.upsertEveryMs ?? 30_000);
      upserting.unref();
    },
    stop: async () => {
      clearInterval(upserting);
      await Promise.all([...state.listeners].map((listener) => listener.close()));
      await Promise.all([...state.queues.values()].map((queue) => closeInTime(state, queue)));
    },
    dependency: { name: `queue on ${state.backend.kind}`, needed: false, check: () => ping(state) },
    ring: (queue, subject) => ring(state, queue, subject),
    every: async (queue, subject, everyMs) => {
      state.schedules.set(`${queue} ${subject}`, { queue, subject, everyMs });
      await upsertAll(state);
    },
    listen: (queue, look, { concurrency }) => listen(state, queue, { look, concurrency }),
  };
}

async function ping(state: State): Promise<void> {
  try {
    await queueOf(state, queueNames.worker).ping();
  } catch (cause) {
    throw new SlipwayError("UNAVAILABLE", { detail: `the queue on ${state.backend.kind}`, cause });
  }
}

async function ring(state: State, queue: QueueName, subject: Subject): Promise<void> {
  try {
    await queueOf(state, queue).ring(subject);
    state.options.trace?.(`ticket ${queue} ${subject} rung`);
  } catch (error) {
    state.warn("the bell could not be rung; workers look by themselves", { queue, error });
  }
}

/** A schedule may be gone from the backend (FLUSHALL, a new Redis): tell it all of them again. */
async function upsertAll(state: State): Promise<void> {
  for (const { queue, subject, everyMs } of state.schedules.values()) {
    try {
      await queueOf(state, queue).schedule(subject, everyMs);
    } catch (error) {
      state.warn("a schedule could not be set; it is tried again", { queue, error });
    }
  }
}

async function listen(
  state: State,
  queue: QueueName,
  { look, concurrency }: { look: (subject: Subject) => Promise<void>; concurrency: number },
): Promise<Listener> {
  const take = async ({ subject }: Ticket, tick: boolean): Promise<void> => {
    // Schedules know no deduplication: their ticket may only ring.
    if (tick) return ring(state, queue, subject);
    state.options.trace?.(`ticket ${queue} ${subject} taken`);
    try {
      await look(subject);
    } catch (error) {
      // A ticket has no retries: what is still due is found again in Postgres.
      state.options.log.error("a look failed", { queue, subject, error });
    }
  };
  const onError = (error: Error): void => state.warn("the queue's backend is in trouble", { queue, error });
  const worker = state.backend.openWorker(queue, { concurrency, take, onError });
  const listener: Listener = {
    close: async () => {
      if (state.listeners.delete(listener)) await closeInTime(state, worker);
    },
  };
  state.listeners.add(listener);
  return listener;
}

function queueOf(state: State, name: QueueName): TicketQueue {
  const known = state.queues.get(name);
  if (known !== undefined) return known;
  const onError = (error: Error): void =>
    state.warn("the queue's backend is in trouble", { queue: name, error });
  const queue = state.backend.openQueue(name, onError);
  state.queues.set(name, queue);
  return queue;
}

/** Connects, so that the first ring is not lost; goes on without, since the bell is only a hint. */
async function untilReady(state: State): Promise<void> {
  const pinged = Object.values(queueNames).map((name) =>
    pollUntil(() => answers(queueOf(state, name)), { everyMs: 50, timeoutMs: readyTimeoutMs, what: name }),
  );
  const results = await Promise.allSettled(pinged);
  if (results.some((result) => result.status === "rejected")) {
    state.warn("the queue's backend does not answer yet", { backend: state.backend.kind });
  }
}

/** Warned of, not refused: a dropped ticket costs seconds, since workers look by themselves. */
async function checkBackend(state: State): Promise<void> {
  try {
    const problem = await state.backend.misconfigured();
    if (problem !== undefined) state.warn("Redis may drop tickets when it is full", { problem });
  } catch (error) {
    state.warn("the queue's backend could not be asked for its settings", { error });
  }
}

async function answers(queue: TicketQueue): Promise<boolean> {
  try {
    await queue.ping();
    return true;
  } catch {
    // Not yet: asked again by the caller, which also tells when time is up.
    return false;
  }
}

/** BullMQ's close waits without limit, for the running look or for a backend that is away. */
async function closeInTime(
  state: State,
  part: { close(): Promise<void>; disconnect(): Promise<void> },
): Promise<void> {
  try {
    await withDeadline(part.close(), state.closeTimeoutMs, "closing the queue");
  } catch (error) {
    state.options.log.warn("the queue was cut off", { error });
    await withDeadline(part.disconnect(), 1_000, "disconnecting the queue").catch((reason: unknown) =>
      state.options.log.warn("the queue's connection did not end", { error: reason }),
    );
  }
}
