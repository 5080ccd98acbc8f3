/** What a process remembers of a repository between its scans; losing it costs a few requests. */
export interface RepositoryMemory {
  /** Scans in a row whose list was good and whose images could not be read. */
  readingFailures: number;
  /** Tags whose image cannot be read now, and until when they are left alone. */
  readonly quiet: Map<string, Quiet>;
}

export interface Quiet {
  readonly untilMs: number;
  readonly failures: number;
}

const repositoryLimit = 20_000;
const quietLimit = 10_000;
const firstQuietMs = 30_000;
const longestQuietMs = 3_600_000;

export interface ScanMemory {
  of(key: string): RepositoryMemory;
}

export function createScanMemory(): ScanMemory {
  const memories = new Map<string, RepositoryMemory>();
  return {
    of(key) {
      const known = memories.get(key);
      if (known !== undefined) return known;
      const oldest = memories.keys().next().value;
      if (memories.size >= repositoryLimit && oldest !== undefined) memories.delete(oldest);
      const fresh = { readingFailures: 0, quiet: new Map() };
      memories.set(key, fresh);
      return fresh;
    },
  };
}

/** Leaves a tag alone for a while, longer each time. */
export function quieten(memory: RepositoryMemory, tag: string, nowMs: number): void {
  const failures = (memory.quiet.get(tag)?.failures ?? 0) + 1;
  if (failures === 1 && memory.quiet.size >= quietLimit) memory.quiet.clear();
  const forMs = Math.min(longestQuietMs, firstQuietMs * 2 ** Math.min(failures - 1, 20));
  memory.quiet.set(tag, { untilMs: nowMs + forMs, failures });
}

export function isQuiet(memory: RepositoryMemory, tag: string, nowMs: number): boolean {
  return (memory.quiet.get(tag)?.untilMs ?? 0) > nowMs;
}
