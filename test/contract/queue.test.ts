import { hasRedis, startRedis } from "#support/redis.ts";
import { layCable } from "#support/cable.ts";

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
