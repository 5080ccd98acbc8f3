import { readdir, readFile } from "node:fs/promises";

/** Processes as Linux shows them; elsewhere these questions have no answer here. */

/** Every process that descends from this one: git's children have process groups of their own. */
export async function descendantsOf(pid: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    const child = Number(name);
    if (!Number.isSafeInteger(child)) continue;
    const parent = await parentOf(child);
    if (parent !== undefined) parents.set(child, parent);
  }
  const found = new Set([pid]);
  // Children may have lower numbers than their parents: as often as something new is found, at most so deep.
  for (let depth = 0; depth < 10; depth += 1) {
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  found.delete(pid);
  return [...found];
}

/** Whether a process is stopped by a signal. */
export async function isStopped(pid: number): Promise<boolean> {
  return /\) [Tt] /.test(await readFile(`/proc/${pid}/stat`, "utf8"));
}

async function parentOf(pid: number): Promise<number | undefined> {
  try {
    const [, parent] = /\) \S (\d+) /.exec(await readFile(`/proc/${pid}/stat`, "utf8")) ?? [];
    return Number(parent);
  } catch {
    // It ended while we looked around.
    return undefined;
  }
}
