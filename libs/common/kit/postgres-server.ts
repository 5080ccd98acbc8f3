import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { SlipwayError } from "#common/domain/errors.ts";

import { freePort, spawnServer } from "./child.ts";
import type { ChildServer } from "./child.ts";
import type { Env } from "./env.ts";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";
import { findPostgres, majorOf, prepareBinaries, unreachableFor } from "./postgres-binaries.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

export interface PostgresServerOptions {
  /** Where to look for binaries: its PATH. */
  readonly env: Env;
  /** Keeps the data here; without it they are temporary and gone after `stop`. */
  readonly folder?: string;
  /** Only this kind; else the system's, or that from npm. */
  readonly kind?: "system" | "npm";
  readonly log?: Log;
}

/** A Postgres of our own on loopback. */
export interface PostgresServer {
  readonly url: string;
  readonly kind: "system" | "npm";
  readonly version: string;
  /** Of the server that runs now. */
  pid(): number;
  stop(): Promise<void>;
  /** Stops and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

const run = promisify(execFile);

const user = "slipway";

/** Finds a Postgres, makes its data folder when it is new, and runs it as our child. */
export async function startPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const found = findPostgres(options);
  if (found === undefined) throw missing(options.kind);
  const runAs = await userToRunAs();
  const home = await homeOf(options.folder);
  const binaries = prepareBinaries(found, {
    copyTo: home.folder,
    otherUser: runAs !== undefined,
  });
  const place: Place = { binaries, runAs, data: join(home.folder, "data"), durable: !home.temporary };
  await makeCluster(place);
  const port = await freePort();
  const start = (): Promise<ChildServer> => spawnPostgres(place, { port, log: options.log ?? silentLog });
  let server = await start();
  return {
    url: `postgres://${user}@127.0.0.1:${port}/postgres`,
    kind: binaries.kind,
    version: binaries.version,
    pid: () => server.pid,
    stop: async () => {
      await server.stop();
      if (home.temporary) await rm(home.folder, { recursive: true, force: true });
    },
    restart: async () => {
      await server.stop();
      server = await start();
    },
  };
}

interface Place {
  readonly binaries: PostgresBinaries;
  readonly runAs: RunAs | undefined;
  readonly data: string;
  readonly durable: boolean;
}

interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

function missing(kind: "system" | "npm" | undefined): SlipwayError {
  return new SlipwayError("PREREQUISITE_MISSING", {
    detail: kind === undefined ? "there is no PostgreSQL to run" : `there is no PostgreSQL to run (${kind})`,
    hint: "install PostgreSQL 15 or newer, or run npm ci without --omit=optional, or set DATABASE_URL",
  });
}

/** The server may run as another user, who must be able to pass. */
const passable = 0o711;

async function homeOf(folder: string | undefined): Promise<{ folder: string; temporary: boolean }> {
  if (folder !== undefined) {
    const created = await mkdir(folder, { recursive: true });
    if (created !== undefined) await chmod(folder, passable);
    return { folder: resolve(folder), temporary: false };
  }
  const temporary = await mkdtemp(join(tmpdir(), "slipway-postgres-"));
  await chmod(temporary, passable);
  return { folder: temporary, temporary: true };
}

/** Postgres refuses to run as root; then it runs as nobody. Undefined: as ourselves. */
async function userToRunAs(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) {
    requireAccount();
    return undefined;
  }
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const [, , uid, gid] = accounts.find(([name]) => name === "nobody") ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new SlipwayError("PREREQUISITE_MISSING", {
    detail: "PostgreSQL refuses to run as root, and there is no user nobody",
    hint: "run Slipway as an ordinary user, or set DATABASE_URL",
  });
}

function requireAccount(): void {
  try {
    userInfo();
  } catch (cause) {
    throw new SlipwayError("PREREQUISITE_MISSING", {
      detail: "PostgreSQL refuses to run as a user without an entry in /etc/passwd",
      hint: "add one, or set DATABASE_URL",
      cause,
    });
  }
}

// Made aside and renamed, so that a folder is whole or absent, whenever we are killed.
async function makeCluster(place: Place): Promise<void> {
  const { binaries, data, runAs } = place;
  requireReachable(place);
  if (existsSync(data)) return requireSameMajor(place);
  const aside = `${data}.new`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { mode: 0o700 });
  if (runAs !== undefined) await chown(aside, runAs.uid, runAs.gid);
  const args = ["-D", aside, "-U", user, "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"];
  try {
    await run(binaries.initdb, args, { ...runAs, cwd: dirname(data), env: serverEnv, timeout: 60_000 });
  } catch (cause) {
    const detail = `initdb failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new SlipwayError("PREREQUISITE_MISSING", { detail, cause });
  }
  await rename(aside, data);
}

function requireReachable({ data, runAs }: Place): void {
  if (runAs === undefined) return;
  const closed = unreachableFor(dirname(data));
  if (closed === undefined) return;
  throw new SlipwayError("PREREQUISITE_MISSING", {
    detail: `PostgreSQL runs as user nobody, who may not pass ${closed}`,
    hint: `chmod o+x ${closed}, or choose another folder, or run Slipway as an ordinary user`,
  });
}

async function requireSameMajor({ binaries, data }: Place): Promise<void> {
  const major = (await readFile(join(data, "PG_VERSION"), "utf8")).trim();
  if (Number(major) === majorOf(binaries.version)) return;
  throw new SlipwayError("PREREQUISITE_MISSING", {
    detail: `${data} was made by PostgreSQL ${major}, and ${binaries.version} is what there is to run`,
    hint: "move the folder away to start anew, or install that version",
  });
}

// English messages: we wait for one of them. Nothing of ours (PGDATA, PGHOST…) may leak in.
const serverEnv = { LC_ALL: "C", PATH: "/usr/bin:/bin" };

async function spawnPostgres(place: Place, at: { port: number; log: Log }): Promise<ChildServer> {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(at.port),
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "64MB",
    timezone: "UTC",
    log_timezone: "UTC",
    // Of temporary data nothing need survive the machine; they still survive the server.
    ...(place.durable ? {} : { fsync: "off", full_page_writes: "off" }),
  };
  return spawnServer({
    name: "postgres",
    command: place.binaries.postgres,
    args: [
      "-D",
      place.data,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    readyWhen: /database system is ready to accept connections/,
    readyTimeoutMs: 30_000,
    stopSignal: "SIGINT",
    stopTimeoutMs: 10_000,
    env: serverEnv,
    cwd: dirname(place.data),
    log: at.log,
    ...place.runAs,
  });
}
