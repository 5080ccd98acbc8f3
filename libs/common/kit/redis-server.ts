import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { freePort, spawnServer } from "./child.ts";
import type { ChildServer } from "./child.ts";
import type { Env } from "./env.ts";
import type { Log } from "./log.ts";

export interface RedisServer extends ChildServer {
  readonly url: string;
  readonly port: number;
}

/** The full path of a program on the PATH, or undefined. */
export function findOnPath(program: string, env: Env): string | undefined {
  return (env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/**
 * Runs redis-server on loopback as our child; its data live in `folder`, which the caller removes
 * only after `stop` has resolved (without its folder Redis refuses to stop).
 */
export async function startRedisServer(options: {
  readonly command: string;
  readonly folder: string;
  readonly log: Log;
  readonly port?: number;
}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  await mkdir(options.folder, { recursive: true });
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: options.folder,
    appendonly: "yes",
    save: "",
    "maxmemory-policy": "noeviction",
  };
  const server = await spawnServer({
    name: "redis-server",
    command: options.command,
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    readyWhen: /Ready to accept connections/,
    log: options.log,
  });
  return { ...server, port, url: `redis://127.0.0.1:${port}` };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not ours to run: both mean that it is not here.
    return false;
  }
}
