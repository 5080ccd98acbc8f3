import { lstat, open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { usageProblem } from "../problem.ts";

/** One file that was asked for: its text, or why there is none. */
export type ReadFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly fault: string };

/** What one run reads of a file at most; more is no manifest. */
export const largestTextBytes = 64 * 1024 * 1024;
const mostFiles = 10_000;
const deepestFolder = 64;

/**
 * The manifests at and below the paths, in order: `.yaml`, `.yml` and `.json` in folders, and whatever
 * is named itself. Links are not followed, other repositories are not entered. A file that cannot be
 * read has its fault and stops no other.
 */
export async function readManifestFiles(cwd: string, paths: readonly string[]): Promise<readonly ReadFile[]> {
  const found = new Set<string>();
  for (const path of paths) await collectFiles({ cwd, found }, path, 0);
  if (found.size > mostFiles) {
    throw usageProblem(`More than ${mostFiles} files`, "name the folders that hold manifests");
  }
  const files: ReadFile[] = [];
  for (const path of found) files.push(await readOne(cwd, path));
  return files;
}

/** Strict UTF-8, the byte order mark kept; undefined for other bytes. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Decoding throws for nothing else than bytes that are not UTF-8.
    return undefined;
  }
}

interface Walk {
  readonly cwd: string;
  readonly found: Set<string>;
}

async function collectFiles(walk: Walk, path: string, depth: number): Promise<void> {
  if (walk.found.size > mostFiles) return;
  const place = resolve(walk.cwd, path);
  const kind = await kindOf(place, depth);
  if (kind === undefined) throw usageProblem(`There is no ${path}`);
  if (kind === "file") walk.found.add(path);
  if (kind !== "folder" || depth > deepestFolder) return;
  const entries = await readdir(place, { withFileTypes: true });
  // A folder with its own .git is another repository: a submodule, say.
  if (depth > 0 && entries.some((entry) => entry.name === ".git")) return;
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = path === "." ? entry.name : join(path, entry.name);
    const isWanted = entry.isFile() && /\.(?:ya?ml|json)$/i.test(entry.name);
    const isFolder = entry.isDirectory() && entry.name !== ".git" && entry.name !== "node_modules";
    if (isWanted || isFolder) await collectFiles(walk, inner, depth + 1);
  }
}

/** What was typed may be a link; what is found below may not. */
async function kindOf(place: string, depth: number): Promise<"file" | "folder" | "other" | undefined> {
  try {
    const found = await (depth === 0 ? stat(place) : lstat(place));
    if (found.isDirectory()) return "folder";
    return found.isFile() ? "file" : "other";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function readOne(cwd: string, path: string): Promise<ReadFile> {
  try {
    const file = await open(resolve(cwd, path));
    try {
      const { size } = await file.stat();
      if (size > largestTextBytes) return { path, fault: `larger than ${limitText}: not read` };
      const text = decodeText(await file.readFile());
      return text === undefined ? { path, fault: "not UTF-8: not read" } : { path, text };
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { path, fault: `cannot be read (${code})` };
  }
}

const limitText = `${largestTextBytes / 1024 / 1024} MiB`;
