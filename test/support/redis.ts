import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";

import { silentLog } from "#common/kit/log.ts";
import { findOnPath, startRedisServer } from "#common/kit/redis-server.ts";

import { needs } from "./skips.ts";

/** A real Redis for one test file. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  flushAll(): Promise<void>;
  /** As `CONFIG SET`. */
  configure(name: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

const command = findOnPath("redis-server", process.env);

/** Whether there is a redis-server to run; notes the skip when not. */
export function hasRedis(): boolean {
  return needs("redis-server", command !== undefined, "apt-get install redis-server");
}

/** Starts redis-server on a free port with an empty folder. */
export async function startRedis(): Promise<TestRedis> {
  if (command === undefined) throw new Error("there is no redis-server; ask hasRedis() first");
  const folder = await mkdtemp(join(tmpdir(), "slipway-redis-"));
  const server = await startRedisServer({ command, folder, log: silentLog });
  return {
    url: server.url,
    port: server.port,
    flushAll: async () => {
      const client = new Redis(server.url);
      await client.flushall();
      client.disconnect();
    },
    configure: async (name, value) => {
      const client = new Redis(server.url);
      await client.config("SET", name, value);
      client.disconnect();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
