import { SlipwayError } from "#common/domain/errors.ts";

import type { GitIdentity } from "./target.ts";

export interface IdentityAt extends GitIdentity {
  readonly at: Date;
}

export interface DraftFile {
  readonly path: string;
  /** 100644 or 100755, as `listTree` gave it. */
  readonly mode: string;
  readonly bytes: Buffer;
}

/** A commit as the planner wants it; equal drafts on an equal base make equal object ids, on any worker. */
export interface CommitDraft {
  readonly jobId: string;
  /** The whole message with its trailers. */
  readonly message: string;
  readonly author: IdentityAt;
  readonly committer: IdentityAt;
  readonly files: readonly DraftFile[];
  /** Signs the commit with this OpenSSH key; not needed any more once there is `raw`. */
  readonly signingKeyFile?: string;
  /** The commit object as it was first made and signed: it is stored as it is, on any worker. */
  readonly raw?: Buffer;
}

export interface ImportStream {
  readonly bytes: Buffer;
  /** What git will be asked while it imports, in order; `readImportAnswer` needs it. */
  readonly questions: readonly ImportQuestion[];
}

export type ImportQuestion =
  | { readonly type: "parent" | "file"; readonly path: string }
  | { readonly type: "mark" | "tree" };

export interface Imported {
  readonly commits: readonly string[];
  /** The commits' trees, where they were asked for. */
  readonly trees: readonly string[];
}

/**
 * The `git fast-import` stream for a chain of commits on `base`. It is built on a scratch ref that it deletes again;
 * the object ids are asked for by mark. fast-import checks no path itself: we check their spelling here, and let it
 * tell (`ls`) what stands at each path, so that no directory is replaced by a file. Where a draft is signed, the trees
 * are asked for as well: fast-import knows no signatures, such commits are made by hand on the trees it made.
 */
export function writeImportStream(
  base: string,
  drafts: readonly CommitDraft[],
  scratchRef: string,
): ImportStream {
  const parts: (string | Buffer)[] = ["feature done\n"];
  const questions: ImportQuestion[] = [];
  const needsTrees = drafts.some(isMadeByHand);
  drafts.forEach((draft, index) => {
    const mark = index + 1;
    const message = commitText(draft);
    parts.push(`commit ${scratchRef}\nmark :${mark}\n`);
    parts.push(`author ${identityLine(draft.author)}\ncommitter ${identityLine(draft.committer)}\n`);
    parts.push(`data ${message.length}\n`, message, `from ${index === 0 ? base : `:${mark - 1}`}\n`);
    for (const file of draft.files) writeFile(file, parts, questions);
    parts.push("\n", `get-mark :${mark}\n`);
    questions.push({ type: "mark" });
    if (!needsTrees) return;
    parts.push(`ls :${mark} ""\n`);
    questions.push({ type: "tree" });
  });
  parts.push(`reset ${scratchRef}\nfrom ${"0".repeat(40)}\n\n`, "done\n");
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return { bytes, questions };
}

/** Whether fast-import makes only the files and trees of a draft. */
export function isMadeByHand(draft: CommitDraft): boolean {
  return draft.signingKeyFile !== undefined || draft.raw !== undefined;
}

/** The message as it stands in the commit object. */
export function commitText(draft: CommitDraft): Buffer {
  return Buffer.from(`${draft.message.replaceAll("\0", "").trimEnd()}\n`);
}

/** Reads what fast-import answered: the ids of commits (and trees), in the order of the drafts. */
export function readImportAnswer(stdout: string, questions: readonly ImportQuestion[]): Imported {
  const lines = stdout.split("\n");
  const commits: string[] = [];
  const trees: string[] = [];
  questions.forEach((question, index) => {
    const line = lines[index] ?? "";
    if (!("path" in question)) {
      const [, oid] = /^(?:040000 tree )?([0-9a-f]{40})\t?$/.exec(line) ?? [];
      if (oid === undefined) {
        throw new SlipwayError("GIT_CACHE_BROKEN", { detail: `fast-import named no ${question.type}` });
      }
      (question.type === "mark" ? commits : trees).push(oid);
      return;
    }
    const wanted = question.type === "parent" ? /^(missing |040000 tree )/ : /^(missing |100(644|755) blob )/;
    if (!wanted.test(line)) throw pathRefused(question.path, "something else stands there");
  });
  return { commits, trees };
}

/** Refuses a path that would leave the tree, reach git's own files, or be read differently somewhere. */
export function checkTreePath(path: string): void {
  if (path === "" || Buffer.byteLength(path) > 4096) throw pathRefused(path, "it is empty or too long");
  // U+FFFD stands where the name in the tree was not UTF-8: written back, it would be another file.
  if (path.includes("\uFFFD") || path.includes("\\") || hasControl(path)) {
    throw pathRefused(path, "it holds a backslash, a control character or bytes that are not UTF-8");
  }
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..")
      throw pathRefused(path, "a part of it is empty or dots");
    if (isGitName(part)) throw pathRefused(path, "it reaches git's own files");
  }
}

function writeFile(file: DraftFile, parts: (string | Buffer)[], questions: ImportQuestion[]): void {
  checkTreePath(file.path);
  if (file.mode !== "100644" && file.mode !== "100755") {
    throw pathRefused(file.path, `its mode is ${file.mode}, not that of a file`);
  }
  const names = file.path.split("/");
  for (let depth = 1; depth < names.length; depth += 1) {
    const parent = names.slice(0, depth).join("/");
    parts.push(`ls ${quotePath(parent)}\n`);
    questions.push({ type: "parent", path: parent });
  }
  parts.push(`ls ${quotePath(file.path)}\n`);
  questions.push({ type: "file", path: file.path });
  parts.push(`M ${file.mode} inline ${quotePath(file.path)}\ndata ${file.bytes.length}\n`, file.bytes, "\n");
}

/** C-style quotes, as fast-import reads them; everything that would need another escape was refused. */
function quotePath(path: string): string {
  return `"${path.replaceAll('"', '\\"')}"`;
}

/** `Name <email> seconds +0000`, without what would end a field early. */
export function identityLine({ name, email, at }: IdentityAt): string {
  const clean = (text: string) => text.replace(/[<>\p{Cc}]/gu, "").replace(/^[\s.,:;"']+|[\s.,:;"']+$/g, "");
  return `${clean(name) || clean(email) || "unknown"} <${clean(email)}> ${Math.floor(at.getTime() / 1000)} +0000`;
}

/** `.git` in the spellings that some file system takes for it. */
function isGitName(part: string): boolean {
  const plain = part
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "")
    .replace(/[:].*$/, "")
    .replace(/[ .]+$/, "")
    .toLowerCase();
  return plain === ".git" || plain === "git~1";
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function pathRefused(path: string, why: string): SlipwayError {
  return new SlipwayError("GIT_PATH_REFUSED", { detail: `${JSON.stringify(path).slice(0, 300)}: ${why}` });
}
