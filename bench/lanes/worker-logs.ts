import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "../support/stage.ts";

/** Git processes that the workers had started when each of them last told of a push; their sum. */
export async function gitProcessesTold({ logs }: Pick<Stage, "logs">): Promise<number> {
  const files = (await readdir(logs)).filter((name) => /^release-worker-\d+\.log$/.test(name));
  const counts = await Promise.all(
    files.map(async (name) => lastCount(await readFile(join(logs, name), "utf8"))),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const told = /"text":"pushed"/;

/** A worker that has not pushed yet has told nothing; its first push tells of its first fetch as well. */
function lastCount(log: string): number {
  const line = log.split("\n").findLast((one) => told.test(one));
  if (line === undefined) return 0;
  const count: unknown = Reflect.get(JSON.parse(line) as object, "gitProcesses");
  if (typeof count !== "number") throw new TypeError(`a push without a count of processes: ${line}`);
  return count;
}
