import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";

import { SlipwayError } from "#common/domain/errors.ts";

import { commitText, identityLine } from "./fast-import.ts";
import type { CommitDraft } from "./fast-import.ts";

const compress = promisify(deflate);

/** Where a commit stands: its tree and its one parent. */
export interface CommitPlace {
  readonly tree: string;
  readonly parent: string;
}

/** The raw commit object of a draft, byte for byte what fast-import makes of it. */
export function rawCommit(draft: CommitDraft, { tree, parent }: CommitPlace): Buffer {
  const people = `author ${identityLine(draft.author)}\ncommitter ${identityLine(draft.committer)}\n`;
  return Buffer.concat([Buffer.from(`tree ${tree}\nparent ${parent}\n${people}\n`), commitText(draft)]);
}

/** The same commit with its signature, in the header where git looks for it. */
export function withSignature(raw: Buffer, signature: string): Buffer {
  const end = raw.indexOf("\n\n");
  const header = `gpgsig ${signature.trimEnd().split("\n").join("\n ")}`;
  return Buffer.concat([raw.subarray(0, end + 1), Buffer.from(`${header}\n`), raw.subarray(end + 1)]);
}

/** Refuses a recorded commit that does not stand where its draft was made again. */
export function checkPlace(raw: Buffer, { tree, parent }: CommitPlace): void {
  if (raw.subarray(0, 200).toString("latin1").startsWith(`tree ${tree}\nparent ${parent}\nauthor `)) return;
  throw new SlipwayError("INTERNAL", {
    detail: "a recorded commit does not fit the tree and parent made for it",
  });
}

/**
 * Stores a commit as a loose object and returns its id. Written by hand because each release needs one:
 * `commit-tree` would be a fourth process in the path from request to pushed commit.
 */
export async function storeCommitObject(folder: string, raw: Buffer): Promise<string> {
  const framed = Buffer.concat([Buffer.from(`commit ${raw.length}\0`), raw]);
  const oid = createHash("sha1").update(framed).digest("hex");
  const place = path.join(folder, "objects", oid.slice(0, 2));
  try {
    await makeFolder(place);
    await writeWhole(path.join(place, oid.slice(2)), await compress(framed));
  } catch (cause) {
    throw notStored(cause);
  }
  return oid;
}

/** Not its parents: without them this is no repository any more, and that must be noticed. */
async function makeFolder(place: string): Promise<void> {
  try {
    await mkdir(place);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
  }
}

async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  const scratch = path.join(path.dirname(file), `tmp_obj_${randomUUID()}`);
  try {
    await writeFile(scratch, bytes, { mode: 0o444, flag: "wx" });
    await rename(scratch, file);
  } catch (cause) {
    await rm(scratch, { force: true });
    throw cause;
  }
}

function codeOf(cause: unknown): unknown {
  return Reflect.get(Object(cause), "code");
}

function notStored(cause: unknown): SlipwayError {
  const code = codeOf(cause);
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new SlipwayError(full ? "DISK_FULL" : "GIT_CACHE_BROKEN", {
    detail: `an object could not be stored (${String(code)})`,
    cause,
  });
}
