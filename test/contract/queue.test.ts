import { layCable } from "#support/cable.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import { hasRedis, startRedis } from "#support/redis.ts";

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
