import { chmod, chown, copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { freePort, spawnServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";
import { findOnPath } from "#common/kit/redis-server.ts";

import { runSql } from "./postgres.ts";

/** Postgres and Redis as production has them: passwords, and TLS or nothing. */

export interface SecureStore {
  readonly url: string;
  stop(): Promise<void>;
}

/** Where `slipway certs --server postgres --server redis` wrote, and where the stores may keep data. */
export interface SecurePlace {
  readonly certificates: string;
  readonly folder: string;
}

export const storePassword = "store-canary";

/** A Postgres that refuses connections without TLS or without the password. */
export async function startSecurePostgres({ certificates, folder }: SecurePlace): Promise<SecureStore> {
  const home = join(folder, "postgres");
  const server = await startPostgresServer({ env: process.env, folder: home });
  const data = join(home, "data");
  const own = await stat(data);
  for (const [from, to] of [
    ["postgres.crt", "server.crt"],
    ["postgres.key", "server.key"],
  ] as const) {
    await copyFile(join(certificates, from), join(data, to));
    await chown(join(data, to), own.uid, own.gid);
    await chmod(join(data, to), 0o600);
  }
  await runSql(server.url, `alter role slipway password '${storePassword}'`);
  await runSql(server.url, "alter system set ssl = on");
  await writeFile(join(data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
  await server.restart();
  const url = new URL(server.url);
  url.password = storePassword;
  url.searchParams.set("sslmode", "verify-full");
  url.searchParams.set("sslrootcert", join(certificates, "ca.crt"));
  return { url: url.href, stop: () => server.stop() };
}

/** A Redis that has no plain port and asks for a password. */
export async function startSecureRedis({ certificates, folder }: SecurePlace): Promise<SecureStore> {
  const command = findOnPath("redis-server", process.env);
  if (command === undefined) throw new Error("there is no redis-server; ask hasRedis() first");
  const dir = join(folder, "redis");
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const settings = {
    bind: "127.0.0.1",
    port: "0",
    "tls-port": String(port),
    "tls-cert-file": join(certificates, "redis.crt"),
    "tls-key-file": join(certificates, "redis.key"),
    "tls-ca-cert-file": join(certificates, "ca.crt"),
    "tls-auth-clients": "no",
    requirepass: storePassword,
    dir,
    appendonly: "yes",
    save: "",
    "maxmemory-policy": "noeviction",
  };
  const server = await spawnServer({
    name: "redis-server",
    command,
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    readyWhen: /Ready to accept connections/,
    log: silentLog,
  });
  return { url: `rediss://:${storePassword}@127.0.0.1:${port}`, stop: () => server.stop() };
}
