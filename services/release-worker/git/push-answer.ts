import type { ErrorCode } from "#common/domain/errors.ts";

import { codeOfGitWords, lastWords } from "./git-errors.ts";
import type { DetachedEnd } from "./process.ts";

/** What is known after a push. Everything but "landed" and "unknown" means: it did not and will not land. */
export type PushAnswer =
  | { readonly kind: "landed" }
  /** A ref was not where we expected it: someone else pushed, or the lane was sealed. */
  | { readonly kind: "moved"; readonly detail: string }
  /** The host said no for another reason; `detail` holds its words (a hook's message) for the user. */
  | { readonly kind: "refused"; readonly detail: string; readonly explicit: true }
  /** The push never reached the act: credential, address, host down. */
  | { readonly kind: "failed"; readonly detail: string; readonly code: ErrorCode }
  /** It may have landed: only looking at the lane ref and the branch can tell. */
  | { readonly kind: "unknown"; readonly detail: string };

export interface RefLine {
  /** ` ` moved, `+` forced, `*` new, `=` already there, `-` deleted, `!` not moved. */
  readonly flag: string;
  readonly to: string;
  readonly summary: string;
  readonly reason: string;
}

/** Reads `git push --porcelain`: exit code, ref lines, the host's words. `refs` are all that were to move. */
export function readPushAnswer(end: DetachedEnd, refs: readonly string[]): PushAnswer {
  const lines = readRefLines(end.stdout);
  if (end.stopped !== undefined) return unknown(`the push was ended by us (${end.stopped})`);
  if (end.exitCode === undefined) return unknown("git was killed during the push");
  if (end.exitCode === 0) {
    const all = refs.every((ref) => lines.some((line) => line.to === ref && line.flag !== "!"));
    return all ? { kind: "landed" } : unknown("git reported success without naming every ref");
  }
  const faults = lines.filter((line) => line.flag === "!");
  if (faults.length > 0) return readFaults(faults, end.stderr);
  if (/does not support --atomic/.test(end.stderr)) {
    return { kind: "refused", detail: "the git host does not support atomic pushes", explicit: true };
  }
  // What we wanted to send cannot be read here: nothing was sent, or a pack without its end.
  if (unsendable.test(end.stderr)) {
    return { kind: "failed", detail: lastWords(end.stderr), code: "GIT_CACHE_BROKEN" };
  }
  // Over ssh and on paths git dies with 128 as well when the connection breaks after the act was sent.
  if (end.exitCode === 128 && !brokenMidway.test(end.stderr)) {
    const code = codeOfGitWords(end.stderr, "GIT_UNAVAILABLE");
    return { kind: "failed", detail: lastWords(end.stderr), code };
  }
  return unknown(lastWords(end.stderr) || `git push ended with ${end.exitCode}`);
}

/** The lines `<flag>TAB<from>:<to>TAB<summary> (<reason>)` of a porcelain answer. */
export function readRefLines(stdout: string): RefLine[] {
  const lines: RefLine[] = [];
  for (const line of stdout.split("\n")) {
    const [, flag, to, rest] = /^([ +*=!-])\t[^\t]*?:(refs\/[^\t]+)\t(.*)$/.exec(line) ?? [];
    if (flag === undefined || to === undefined || rest === undefined) continue;
    const [, summary = rest, reason = ""] = /^(\[[^\]]*\]|\S+)(?: \((.*)\))?$/.exec(rest) ?? [];
    lines.push({ flag, to, summary, reason });
  }
  return lines;
}

const unsendable =
  /^(error: src refspec \S+ does not match any|fatal: (bad object [0-9a-f]{40}|failed to traverse parents))/im;
const brokenMidway = /unexpected disconnect|rpc failed|the remote end hung up unexpectedly|early eof/i;
const companion = /^atomic push fail/;
const movedWords =
  /^(stale info|fetch first|non-fast-forward|already exists|needs force|remote ref updated since checkout|failed to update ref|atomic transaction failed|incorrect old value provided|cannot lock ref|failed to lock|reference already exists)/;
// The same "failed to update ref" is also said by a host that cannot write; that is no reason to try again.
const hostCannotWrite = /permission denied|read-only file system|no space left|disk quota|cannot create '/i;

function readFaults(faults: readonly RefLine[], stderr: string): PushAnswer {
  // "[remote failure]" says that the host never reported on the ref: it may have moved.
  if (!faults.every((line) => line.summary === "[rejected]" || line.summary === "[remote rejected]")) {
    return unknown(lastWords(stderr) || "the host did not report on every ref");
  }
  const causes = faults.filter((line) => !companion.test(line.reason));
  const named = causes.map((line) => `${line.to}: ${line.reason}`).join("; ");
  const words = remoteWords(stderr);
  const moved = causes.length > 0 && causes.every((line) => movedWords.test(line.reason));
  if (moved && !hostCannotWrite.test(stderr)) return { kind: "moved", detail: named };
  // Our own pack may have ended early; the host then says no more than that it could not unpack it.
  if (words === "" && causes.some((line) => line.reason === "unpacker error")) {
    return { kind: "failed", detail: lastWords(stderr), code: codeOfGitWords(stderr, "GIT_UNAVAILABLE") };
  }
  return { kind: "refused", detail: words === "" ? named : `${words} (${named})`, explicit: true };
}

/** What the host's hooks said, without git's `remote:` prefix; control characters do not reach the terminal. */
function remoteWords(stderr: string): string {
  return stderr
    .split(/[\r\n]+/)
    .filter((line) => line.startsWith("remote: "))
    .map((line) =>
      line
        .slice("remote: ".length)
        .replace(/\p{Cc}/gu, "")
        .trim(),
    )
    .filter((line) => line !== "")
    .join("\n")
    .slice(0, 2000);
}

function unknown(detail: string): PushAnswer {
  return { kind: "unknown", detail };
}
