import { layCable } from "#support/cable.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import { hasRedis, startRedis } from "#support/redis.ts";

import { expect, test } from "vitest";

import { createLog } from "#common/kit/log.ts";
import { createQueue } from "#common/kit/queue.ts";

import { queueContract } from "./queue.contract.ts";

if (hasRedis()) {
  queueContract("the bell on Redis", async () => {
    const redis = await startRedis();
    const cable = await layCable(redis.port);
    return {
      options: { redisUrl: `redis://127.0.0.1:${cable.port}`, databaseUrl: "" },
      cut: () => cable.cut(),
      mend: () => cable.mend(),
      forget: () => redis.flushAll(),
      close: async () => {
        await cable.close();
        await redis.stop();
      },
    };
  });
}

if (hasRedis()) {
  test("a Redis that may drop tickets is told of when the queue starts, and a sound one is not", async () => {
    const redis = await startRedis();
    try {
      expect(await linesAtStart(redis.url)).toEqual([]);
      await redis.configure("maxmemory-policy", "allkeys-lru");
      expect(await linesAtStart(redis.url)).toEqual([
        expect.objectContaining({
          text: "Redis may drop tickets when it is full",
          problem: "maxmemory-policy is allkeys-lru and must be noeviction",
        }),
      ]);
    } finally {
      await redis.stop();
    }
  });
}

async function linesAtStart(redisUrl: string): Promise<unknown[]> {
  const lines: unknown[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  const log = createLog({ service: "test", level: "info", write });
  const queue = createQueue({ redisUrl, databaseUrl: "", log });
  await queue.start();
  await queue.stop();
  return lines;
}

if (hasPostgres()) {
  queueContract("the bell on Postgres", async () => {
    const postgres = await startPostgres();
    const url = new URL(await postgres.createDatabase());
    const cable = await layCable(Number(url.port));
    url.port = String(cable.port);
    return {
      options: { databaseUrl: url.href },
      cut: () => cable.cut(),
      mend: () => cable.mend(),
      forget: undefined,
      close: async () => {
        await cable.close();
        await postgres.stop();
      },
    };
  });
}
