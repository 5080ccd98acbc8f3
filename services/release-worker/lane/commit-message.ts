import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { ContainerResult } from "#common/contracts/http.ts";
import type { JobRow } from "#common/store/schema.ts";
import type { GitIdentity } from "../git/git-cache.ts";

type GitSettings = EnvironmentSettings["git"];

/** What a commit message is made of. */
export interface CommitWords {
  readonly job: Pick<JobRow, "id" | "headline" | "message" | "requested_by">;
  readonly results: readonly ContainerResult[];
}

const usualTemplate = "{headline}\n\n{message}\n\n{changes}";
const maxListedChanges = 200;
const longestBody = 32_000;

/**
 * The message of a release's commit: the environment's template, filled in once, and our trailers as its last
 * paragraph. No line of the body passes for one of them.
 */
export function commitMessage(
  git: Pick<GitSettings, "messageTemplate" | "skipCi">,
  words: CommitWords,
): string {
  const { job } = words;
  const parts: Readonly<Record<string, string>> = {
    headline: oneLine(job.headline),
    message: plainText(job.message ?? "").trim(),
    changes: changeLines(words.results),
    requestedBy: oneLine(job.requested_by),
    job: job.id,
  };
  // One pass: what a person wrote is never taken for a placeholder.
  const filled = plainText(git.messageTemplate ?? usualTemplate).replace(
    /\{(\w+)\}/g,
    (whole, name: string) => parts[name] ?? whole,
  );
  const body = withoutTrailers(filled)
    .replace(/\n{3,}/g, "\n\n")
    .trim()
    .slice(0, longestBody);
  const paragraphs = [
    body === "" ? oneLine(job.headline) : body,
    git.skipCi === true ? "[skip ci]" : "",
    `Requested-by: ${oneLine(job.requested_by)}\nRelease-Job: ${job.id}`,
  ];
  return `${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`;
}

/** Who is named as author and who as committer. */
export function commitPeople(
  git: Pick<GitSettings, "author" | "authorFromUser">,
  requestedBy: string,
): { readonly author: GitIdentity; readonly committer: GitIdentity } {
  const committer = git.author;
  if (git.authorFromUser !== true) return { author: committer, committer };
  const text = oneLine(requestedBy);
  const [, name = "", address = ""] = /^([^<>]*)<([^<>@\s]+@[^<>@\s]+)>$/.exec(text) ?? [];
  if (address !== "") return { author: { name: name.trim() || address, email: address }, committer };
  const isAddress = /^[^<>@\s]+@[^<>@\s]+$/.test(text);
  // A name without an address borrows ours: an invented one could be a stranger's.
  return { author: { name: text, email: isAddress ? text : committer.email }, committer };
}

function changeLines(results: readonly ContainerResult[]): string {
  const changed = results
    .filter((result) => result.result === "change")
    .map((result) =>
      result.policy === undefined
        ? `- ${result.workload} ${result.container}: ${result.from} -> ${result.to}`
        : `- ${result.workload} ${result.policy}: ${valueText(result.from)} -> ${valueText(result.to)}`,
    );
  const isTold = changed.length > 1 || results.some((result) => result.policy !== undefined);
  return isTold ? oneByOne(changed) : "";
}

/** What an annotation holds, in few words. */
function valueText(value: string | null): string {
  if (value === null || value === "") return "none";
  return value.length > 200 ? `${value.slice(0, 200)}…` : value;
}

function oneByOne(lines: readonly string[]): string {
  const more = lines.length - maxListedChanges;
  const rest = more > 0 ? [`- and ${more} more`] : [];
  return [...lines.slice(0, maxListedChanges), ...rest].map(oneLine).join("\n");
}

/** A line that git or a person would read as our trailer is quoted, so that only ours count. */
function withoutTrailers(text: string): string {
  return text.replace(/^[^\S\n]*(release-job|requested-by)[^\S\n]*:/gim, (found) => `> ${found.trimStart()}`);
}

/** Line ends as git has them, nothing that steers a terminal. */
function plainText(text: string): string {
  return text.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(/[^\P{Cc}\n\t]/gu, "");
}

function oneLine(text: string): string {
  return plainText(text).replace(/\s+/g, " ").trim();
}
