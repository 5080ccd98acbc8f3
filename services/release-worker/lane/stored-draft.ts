import type { StoredDraft } from "#common/store/schema.ts";
import type { CommitDraft } from "../git/git-cache.ts";

/** The two forms of a commit that is not pushed yet: as git writes it, and as Postgres keeps it. */
export function toStoredDraft(draft: CommitDraft): StoredDraft {
  return {
    message: draft.message,
    author: { ...draft.author, at: draft.author.at.toISOString() },
    committer: { ...draft.committer, at: draft.committer.at.toISOString() },
    files: draft.files.map(({ path, mode, bytes }) => ({ path, mode, base64: bytes.toString("base64") })),
    ...(draft.raw === undefined ? {} : { raw: draft.raw.toString("base64") }),
  };
}

export function fromStoredDraft(jobId: string, stored: StoredDraft): CommitDraft {
  return {
    jobId,
    message: stored.message,
    author: { ...stored.author, at: new Date(stored.author.at) },
    committer: { ...stored.committer, at: new Date(stored.committer.at) },
    files: stored.files.map(({ path, mode, base64 }) => ({
      path,
      mode,
      bytes: Buffer.from(base64, "base64"),
    })),
    ...(stored.raw === undefined ? {} : { raw: Buffer.from(stored.raw, "base64") }),
  };
}

/** Bytes that a batch would put into its intent. */
export function draftBytes(draft: CommitDraft): number {
  return draft.files.reduce((sum, file) => sum + file.bytes.byteLength, draft.message.length);
}
