import { readdir, rm, stat } from "node:fs/promises";
import path from "node:path";

const deepestFolder = 12;
const mostEntries = 200_000;
/** Locks, and what a write left that was ended in its middle. */
const leftover = /\.lock$|^tmp_|^fast_import_crash_\d+$|^incoming-/;
/** git holds a lock for milliseconds and waits at most a second for one. */
const staleLockMs = 5_000;

/** Removes what ended processes left behind; only for a cache in which no git runs. */
export async function removeLeftovers(folder: string): Promise<void> {
  let left = mostEntries;
  const visit = async (at: string, depth: number): Promise<void> => {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      left -= 1;
      if (left < 0) return;
      const file = path.join(at, entry.name);
      if (leftover.test(entry.name)) await rm(file, { recursive: true, force: true });
      else if (entry.isDirectory() && depth < deepestFolder) await visit(file, depth + 1);
    }
  };
  try {
    await visit(folder, 1);
  } catch (cause) {
    // Gone, or removed by somebody else while we looked: then nothing of it is left.
    if (Reflect.get(Object(cause), "code") !== "ENOENT") throw cause;
  }
}

/** Removes the lock that git's words name, if it is one of this cache and nobody can hold it any more. */
export async function removeStaleLock(folder: string, words: string): Promise<boolean> {
  const [, named = ""] = /unable to create '([^']+\.lock)': file exists/i.exec(words) ?? [];
  const file = path.resolve(folder, named);
  if (named === "" || !file.startsWith(`${folder}${path.sep}`)) return false;
  if (!(await isOlderThan(file, staleLockMs))) return false;
  await rm(file, { force: true });
  return true;
}

async function isOlderThan(file: string, ageMs: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(file)).mtimeMs > ageMs;
  } catch (cause) {
    // Gone in the meantime: its holder lives and has ended well.
    if (Reflect.get(Object(cause), "code") === "ENOENT") return false;
    throw cause;
  }
}
