import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";

/**
 * Said of the cache alone, whatever git adds about the connection that broke with it. The transport of our URL is
 * always allowed: git tries another one where the cache's configuration is not what we wrote.
 */
const localDamage =
  /^(?!remote: ).*(does not match index|non-monotonic index|(loose|packed) object \S+ .*is corrupt|object file \S+ is empty|transport '\w*' not allowed|bad config|bad object [0-9a-f]{40}|could not read [0-9a-f]{40}|failed to traverse parents|src refspec \S+ does not match any)/im;

/** What git's words on stderr mean in our catalogue; the first row that fits wins. */
const meanings: readonly (readonly [RegExp, ErrorCode])[] = [
  [localDamage, "GIT_CACHE_BROKEN"],
  [/couldn't find remote ref|no such remote ref/i, "GIT_BRANCH_MISSING"],
  [/host key verification failed/i, "GIT_HOST_KEY_REFUSED"],
  [/returned error: 30\d\b|unable to update url base from redirection/i, "GIT_REDIRECTED"],
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|returned error: 40[13]\b|http (status )?40[13]\b|permission denied \(|too many authentication failures/i,
    "GIT_AUTH_FAILED",
  ],
  [
    /repository '[^']*' not found|returned error: 404\b|repository not found|does not appear to be a git repository/i,
    "GIT_REPOSITORY_MISSING",
  ],
  [/does not allow request for unadvertised object/i, "GIT_HOST_UNSUITABLE"],
  [/no space left on device|out of diskspace|disk quota exceeded/i, "DISK_FULL"],
  [
    /could not resolve|failed to connect|couldn't connect|connection (refused|reset|timed out)|timed out|returned error: (429|5\d\d)|hung up|early eof|empty reply|unable to access|rpc failed|curl \d+|ssl|could not read from remote repository/i,
    "GIT_UNAVAILABLE",
  ],
  [
    /bad object|corrupt|unable to read|unable to create '[^']*lock'|cannot lock ref|unable to unlink|not a git repository|invalid sha1 pointer|bad tree object|not a tree object|not a valid object|missing (blob|tree|commit)|did not send all necessary objects|index-pack failed|unpack-objects failed|pack-objects died/i,
    "GIT_CACHE_BROKEN",
  ],
];

/** The catalogue code for a failed git command; `fallback` where its words are none we know. */
export function codeOfGitWords(stderr: string, fallback: ErrorCode): ErrorCode {
  return meanings.find(([words]) => words.test(stderr))?.[1] ?? fallback;
}

/** The error for a failed git command, with git's last words as detail. */
export function gitError(stderr: string, fallback: ErrorCode): SlipwayError {
  return new SlipwayError(codeOfGitWords(stderr, fallback), { detail: lastWords(stderr) });
}

/** What a person should read of git's stderr: without hints and progress, at most 500 characters. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => withoutUserinfo(line.trimEnd()))
    .filter((line) => line !== "" && !line.startsWith("hint:"));
  return lines.slice(-6).join("; ").slice(0, 500);
}

function withoutUserinfo(line: string): string {
  return line.replace(/(\w+:\/\/)[^/@\s]+@/g, "$1");
}

/** Whether git said that its own objects or its configuration are damaged: then nothing whole was sent. */
export function isLocalDamage(stderr: string): boolean {
  return localDamage.test(stderr);
}
