import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { Env } from "#common/kit/env.ts";
import type { Log } from "#common/kit/log.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Redactor } from "#common/kit/redactor.ts";
import { readSecret } from "#common/kit/settings.ts";
import { createGitCache, type GitCache, type GitTarget } from "./git/git-cache.ts";
import { checkKeyFile, checkReadable } from "./git/key-file.ts";

export interface GitCaches extends Service {
  readonly of: (environment: EnvironmentSettings) => GitCache;
  /** Looks after every cache once, one after the other; runs by itself every ten minutes. */
  upkeep(): Promise<void>;
}

export interface GitCachesOptions {
  readonly folder: string;
  readonly env: Env;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly unusedAfterMs?: number;
}

const upkeepEveryMs = 10 * 60_000;
const weekMs = 7 * 24 * 60 * 60_000;

/** One cache per URL, branch and credential in this process; a rotated token makes another one. */
export function createGitCaches(o: GitCachesOptions): GitCaches {
  const caches = new Map<string, GitCache>();
  const upkeepAll = () => lookAfter([...caches.values()], o);
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  return {
    name: "git-caches",
    async start() {
      await removeLeftCaches(o.folder);
      timer = setInterval(() => {
        looking = looking.then(upkeepAll);
      }, upkeepEveryMs);
      timer.unref();
    },
    upkeep: upkeepAll,
    of(environment) {
      const { git } = environment;
      const ssh = sshFiles(git);
      if (git.signingKeyFile !== undefined) checkKeyFile("git.signingKeyFile", git.signingKeyFile);
      const token = readSecret({ file: git.tokenFile, env: git.tokenEnv }, o.env);
      if (token !== undefined) o.redactor.add(token);
      const key = JSON.stringify([git.url, git.branch, git.username, token, ssh]);
      const known = caches.get(key);
      if (known !== undefined) return known;
      const cache = createGitCache({
        target: {
          url: git.url,
          branch: git.branch,
          allowHttp: git.allowHttp,
          ...(git.username === undefined ? {} : { username: git.username }),
          ...(token === undefined ? {} : { token }),
          ...(ssh === undefined ? {} : { ssh }),
        },
        folder: join(o.folder, `${hostname()}-${process.pid}`),
        log: o.log,
      });
      caches.set(key, cache);
      return cache;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all([...caches.values()].map((cache) => cache.dispose()));
      await looking;
    },
  };
}

/** Never throws: a cache that cannot be kept well is still one that works, or heals when it is used. */
async function lookAfter(
  caches: readonly GitCache[],
  { log, unusedAfterMs = weekMs }: GitCachesOptions,
): Promise<void> {
  for (const cache of caches) {
    try {
      if (!(await cache.removeUnused(unusedAfterMs))) await cache.upkeep();
    } catch (error) {
      log.warn("a git cache could not be looked after", { error });
    }
  }
}

/** The files that ssh will open, checked at each use: ssh's own refusal would look like a wrong credential. */
function sshFiles(git: EnvironmentSettings["git"]): GitTarget["ssh"] {
  const { sshKeyFile, knownHostsFile } = git;
  if (sshKeyFile === undefined || knownHostsFile === undefined) return undefined;
  checkKeyFile("git.sshKeyFile", sshKeyFile);
  checkReadable("git.knownHostsFile", knownHostsFile);
  return { keyFile: sshKeyFile, knownHostsFile };
}

/** A cache belongs to one process; those of processes that are gone on this host are removed. */
async function removeLeftCaches(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const prefix = `${hostname()}-`;
  const left = (await readdir(folder)).filter((name) => {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : NaN;
    return Number.isSafeInteger(pid) && pid > 0 && !isAlive(pid);
  });
  await Promise.all(left.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && Reflect.get(error, "code") === "EPERM";
  }
}
