import { createHash, randomUUID } from "node:crypto";

import { checkPlace, rawCommit, storeCommitObject, withSignature } from "./commit-object.ts";
import { isMadeByHand, readImportAnswer, writeImportStream } from "./fast-import.ts";
import type { CommitDraft, Imported } from "./fast-import.ts";
import { gitError } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";
import type { Signer } from "./signing.ts";

export interface WrittenCommit {
  readonly commit: string;
  /** Of a signed commit its whole object: no other worker could make the signature again. */
  readonly raw?: Buffer;
}

export interface CommitWriter {
  /** Makes the chain of commits on `base` and returns them, oldest first. */
  write(base: string, drafts: readonly CommitDraft[]): Promise<readonly WrittenCommit[]>;
  /** How many commits were made so far. */
  written(): number;
}

const chainsRemembered = 32;

/** Writes commits into the cache; a chain that was just written is not written twice. */
export function createCommitWriter(runner: GitRunner, sign: Signer): CommitWriter {
  const known = new Map<string, readonly WrittenCommit[]>();
  let written = 0;
  return {
    written: () => written,
    async write(base, drafts) {
      if (drafts.length === 0) return [];
      const key = `${runner.discards()} ${fingerprint(base, drafts)}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      const made = await importChain(runner, base, drafts);
      const commits = drafts.some(isMadeByHand)
        ? await finishByHand({ runner, sign, base, drafts, made })
        : made.commits.map((commit) => ({ commit }));
      written += commits.length;
      known.set(key, commits);
      const oldest = known.keys().next().value;
      if (known.size > chainsRemembered && oldest !== undefined) known.delete(oldest);
      return commits;
    },
  };
}

async function importChain(
  runner: GitRunner,
  base: string,
  drafts: readonly CommitDraft[],
): Promise<Imported> {
  // A scratch ref of its own: several imports may run at once in one cache.
  const stream = writeImportStream(checkOid(base), drafts, `refs/slipway-scratch/${randomUUID()}`);
  const end = await runner.local(["fast-import", "--quiet", "--done"], { input: stream.bytes });
  if (end.exitCode === 0) return readImportAnswer(end.stdout, stream.questions);
  throw gitError(end.stderr, "GIT_CACHE_BROKEN");
}

interface HandMade {
  readonly runner: GitRunner;
  readonly sign: Signer;
  readonly base: string;
  readonly drafts: readonly CommitDraft[];
  readonly made: Imported;
}

/** Signed commits on the trees of the unsigned chain, each on the one before it. */
async function finishByHand({ runner, sign, base, drafts, made }: HandMade): Promise<WrittenCommit[]> {
  const commits: WrittenCommit[] = [];
  let parent = base;
  for (const [index, draft] of drafts.entries()) {
    const place = { tree: made.trees[index] ?? "", parent };
    const raw = draft.raw ?? (await signed(sign, draft, rawCommit(draft, place)));
    checkPlace(raw, place);
    parent = await storeCommitObject(runner.folder, raw);
    commits.push({ commit: parent, raw });
  }
  return commits;
}

async function signed(sign: Signer, draft: CommitDraft, raw: Buffer): Promise<Buffer> {
  return draft.signingKeyFile === undefined ? raw : withSignature(raw, await sign(raw, draft.signingKeyFile));
}

function fingerprint(base: string, drafts: readonly CommitDraft[]): string {
  const stream = writeImportStream(checkOid(base), drafts, "refs/slipway-scratch/fingerprint");
  const hash = createHash("sha256").update(stream.bytes);
  for (const { signingKeyFile = "", raw } of drafts) hash.update(`\0${signingKeyFile}\0`).update(raw ?? "");
  return hash.digest("hex");
}
