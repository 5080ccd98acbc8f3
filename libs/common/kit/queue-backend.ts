import { readFileSync } from "node:fs";

import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import { PostgresConnection, Queue, Worker, createPostgresBackend } from "bullmq";

import type { Subject } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";

/** The only place that knows BullMQ's types: two backends behind two small shapes. */

export interface Ticket {
  readonly subject: Subject;
}

export interface TicketQueue {
  /** Adds a ticket unless one for this subject waits; one that comes while it is worked on is kept. */
  ring(subject: Subject): Promise<void>;
  /** Makes sure that a tick for the subject comes again and again. */
  schedule(subject: Subject, everyMs: number): Promise<void>;
  /** Resolves when the backend answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
  disconnect(): Promise<void>;
}

export interface TicketWorker {
  close(): Promise<void>;
  disconnect(): Promise<void>;
}

export interface WorkerOptions {
  readonly concurrency: number;
  /** Never rejects. `tick` tells a schedule's ticket from a ring. */
  readonly take: (ticket: Ticket, tick: boolean) => Promise<void>;
  readonly onError: (error: Error) => void;
}

export interface QueueBackend {
  readonly kind: "redis" | "postgres";
  /** What is wrong with the backend's own settings, if anything is. */
  misconfigured(): Promise<string | undefined>;
  /** Makes the schema where there is one to make. */
  prepare(): Promise<void>;
  openQueue(name: string, onError: (error: Error) => void): TicketQueue;
  openWorker(name: string, options: WorkerOptions): TicketWorker;
}

export interface RedisAddress {
  /** `redis:` or, over TLS, `rediss:`. */
  readonly url: string;
  readonly caFile?: string | undefined;
}

const connectTimeoutMs = 1_000;
const keyPrefix = "{slipway}";
const done = { removeOnComplete: true, removeOnFail: true } as const;

/** A lost lock frees a ticket after 5 to 7 s; a ticket is never given up however often it stalls. */
const workerTimes = {
  lockDuration: 5_000,
  stalledInterval: 2_000,
  maxStalledCount: 1_000_000,
  runRetryDelay: 1_000,
};

export function createRedisQueueBackend(redis: RedisAddress): QueueBackend {
  const server = { ...redisOptions(redis), connectTimeout: connectTimeoutMs, retryStrategy };
  // A producer must fail at once while Redis is away (the row is the truth, the ring only a hint):
  // no queueing of commands, no retries, and no wait for a connection that may never come.
  const producer = { ...server, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 1_000 };
  const consumer = { ...server, maxRetriesPerRequest: null };
  const common = { prefix: keyPrefix, skipVersionCheck: true };
  return {
    kind: "redis",
    prepare: async () => undefined,
    misconfigured: () => evictionOf({ ...producer, maxRetriesPerRequest: 0 }),
    openQueue: (name, onError) =>
      ticketQueue(new Queue(name, { ...common, connection: producer, skipWaitingForReady: true }), onError),
    openWorker: (name, options) =>
      ticketWorker(
        new Worker(name, processor(options), {
          ...common,
          ...workerTimes,
          connection: consumer,
          concurrency: options.concurrency,
        }),
        options,
      ),
  };
}

export function createPostgresQueueBackend(databaseUrl: string): QueueBackend {
  const connection = {
    connectionString: databaseUrl,
    application_name: "slipway-queue",
    max: 3,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: 1_500,
  };
  return {
    kind: "postgres",
    misconfigured: async () => undefined,
    prepare: () => migrate(databaseUrl),
    openQueue: (name, onError) =>
      ticketQueue(new Queue(name, { connection }, createPostgresBackend), onError),
    openWorker: (name, options) =>
      ticketWorker(
        new Worker(
          name,
          processor(options),
          { ...workerTimes, connection, concurrency: options.concurrency },
          createPostgresBackend,
        ),
        options,
      ),
  };
}

/** On a schema that was never made a worker spins; so this comes before any queue or worker. */
async function migrate(databaseUrl: string): Promise<void> {
  const connection = new PostgresConnection({
    connectionString: databaseUrl,
    migrate: true,
    max: 1,
    connectionTimeoutMillis: 5_000,
  });
  connection.on("error", ignoreHere);
  try {
    await connection.waitUntilReady();
  } catch (cause) {
    throw new SlipwayError("STORE_UNAVAILABLE", { detail: "the queue's tables cannot be made", cause });
  } finally {
    await connection.close();
  }
}

// The same failure rejects what is waited for; without a listener the event would end the process.
function ignoreHere(): void {}

function retryStrategy(attempt: number): number {
  return Math.min(100 * attempt, 1_000);
}

function redisOptions({ url: text, caFile }: RedisAddress) {
  const url = new URL(text);
  const database = url.pathname.slice(1);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || "6379"),
    ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
    ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
    ...(database !== "" && { db: Number(database) }),
    ...(url.protocol === "rediss:" && { tls: caFile === undefined ? {} : { ca: readAuthority(caFile) } }),
  };
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new SlipwayError("SETTINGS_INVALID", { detail: `REDIS_CA_FILE ${file} cannot be read`, cause });
  }
}

/** The part of BullMQ's Queue that we use, free of its eight type arguments. */
interface AnyQueue {
  add(name: string, data: Ticket, options: object): Promise<unknown>;
  upsertJobScheduler(id: string, repeat: { every: number }, template: object): Promise<unknown>;
  count(): Promise<number>;
  close(): Promise<void>;
  disconnect(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
}

function ticketQueue(queue: AnyQueue, onError: (error: Error) => void): TicketQueue {
  queue.on("error", onError);
  return {
    ring: async (subject) => {
      const deduplication = { id: subject, keepLastIfActive: true };
      await queue.add("look", { subject }, { ...done, deduplication });
    },
    schedule: async (subject, everyMs) => {
      // Colons have a meaning of their own in scheduler ids.
      const id = `every-${Buffer.from(subject).toString("base64url")}`;
      await queue.upsertJobScheduler(id, { every: everyMs }, { name: "tick", data: { subject }, opts: done });
    },
    ping: async () => {
      await queue.count();
    },
    close: () => queue.close(),
    disconnect: () => queue.disconnect(),
  };
}

/** A Redis that drops keys when it is full drops tickets and schedules. */
async function evictionOf(connection: RedisOptions): Promise<string | undefined> {
  const client = new Redis({ ...connection, lazyConnect: true });
  client.on("error", ignoreHere);
  try {
    await client.connect();
    return evictionIn(await client.info("memory"));
  } finally {
    client.disconnect();
  }
}

function evictionIn(memory: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy === undefined || policy === "noeviction") return undefined;
  return `maxmemory-policy is ${policy} and must be noeviction`;
}

interface AnyWorker {
  close(): Promise<void>;
  disconnect(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
}

function ticketWorker(worker: AnyWorker, { onError }: WorkerOptions): TicketWorker {
  worker.on("error", onError);
  return { close: () => worker.close(), disconnect: () => worker.disconnect() };
}

function processor({ take }: WorkerOptions) {
  return (job: { name: string; data: Ticket }): Promise<void> => take(job.data, job.name === "tick");
}
