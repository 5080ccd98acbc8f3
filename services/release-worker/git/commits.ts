import { createHash, randomUUID } from "node:crypto";

import { SlipwayError } from "#common/domain/errors.ts";

import { readImportAnswer, writeImportStream } from "./fast-import.ts";
import type { CommitDraft } from "./fast-import.ts";
import { gitError } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";

export interface CommitWriter {
  /** Makes the chain of commits on `base` and returns their ids, oldest first. */
  write(base: string, drafts: readonly CommitDraft[]): Promise<string[]>;
}

const chainsRemembered = 32;

/** Writes commits into the cache; a chain that was just written is not written twice. */
export function createCommitWriter(runner: GitRunner): CommitWriter {
  const known = new Map<string, string[]>();
  return {
    async write(base, drafts) {
      if (drafts.length === 0) return [];
      const key = `${runner.discards()} ${fingerprint(base, drafts)}`;
      const before = known.get(key);
      if (before !== undefined) return [...before];
      const commits = await importChain(runner, base, drafts);
      known.set(key, commits);
      const oldest = known.keys().next().value;
      if (known.size > chainsRemembered && oldest !== undefined) known.delete(oldest);
      return [...commits];
    },
  };
}

async function importChain(
  runner: GitRunner,
  base: string,
  drafts: readonly CommitDraft[],
): Promise<string[]> {
  // A scratch ref of its own: several imports may run at once in one cache.
  const stream = writeImportStream(checkOid(base), drafts, `refs/slipway-scratch/${randomUUID()}`);
  const end = await runner.local(["fast-import", "--quiet", "--done"], { input: stream.bytes });
  if (end.exitCode === 0) return readImportAnswer(end.stdout, stream.questions);
  const error = gitError(end.stderr, "GIT_CACHE_BROKEN");
  if (error.code !== "GIT_CACHE_BROKEN") throw error;
  runner.discard();
  throw new SlipwayError("GIT_CACHE_BROKEN", { detail: error.detail ?? "fast-import failed", cause: error });
}

function fingerprint(base: string, drafts: readonly CommitDraft[]): string {
  const stream = writeImportStream(checkOid(base), drafts, "refs/slipway-scratch/fingerprint");
  return createHash("sha256").update(stream.bytes).digest("hex");
}
