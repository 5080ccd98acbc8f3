import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";

import { gitError } from "./git-errors.ts";
import type { GitRunner } from "./git-runner.ts";
import { checkOid } from "./oid.ts";

/** A commit that carries `Release-Job` trailers, with their values. */
export interface TrailerCommit {
  readonly commit: string;
  readonly jobs: readonly string[];
}

/**
 * Whether a commit is truly absent: the cache says so while the branch's history in it is whole. An object that is
 * lost or damaged is not absent: taken for absent, a commit that landed would be written a second time.
 */
export async function isAbsent(runner: GitRunner, commit: string): Promise<boolean> {
  try {
    const input = Buffer.from(`${checkOid(commit)}\n`);
    const found = await runner.local(["cat-file", "--batch-check"], { input });
    if (found.exitCode !== 0 || found.stderr !== "" || found.stdout.trim() !== `${commit} missing`)
      return false;
    return (await runner.local(["rev-list", "--count", "--remotes=origin", "--"])).exitCode === 0;
  } catch (cause) {
    // The cache cannot be asked at all: so nothing is known to be absent.
    if (toSlipwayError(cause).code === "GIT_CACHE_BROKEN") return false;
    throw cause;
  }
}

const mostCommits = 50_000;
/**
 * Whether commit `a` is `b` or one of its ancestors. A commit that the cache does not hold is NOT_FOUND: the branch's
 * history is whole here, so such a commit is not on it.
 */
export async function isAncestor(runner: GitRunner, a: string, b: string): Promise<boolean> {
  // `merge-base --is-ancestor` answers without output, which costs simple-git a pause of 50 ms.
  const end = await runner.local(["merge-base", checkOid(a), checkOid(b)]);
  if (end.exitCode === 0) return end.stdout.trim() === a;
  if (end.exitCode === 1) return false;
  if ((await isAbsent(runner, a)) || (await isAbsent(runner, b))) {
    throw new SlipwayError("NOT_FOUND", { detail: `commit ${a} or ${b} is not in the cache` });
  }
  throw gitError(end.stderr, "GIT_CACHE_BROKEN");
}

/** The commits of `base..tip` with a `Release-Job` trailer, newest first. */
export async function trailersBetween(
  runner: GitRunner,
  base: string,
  tip: string,
): Promise<TrailerCommit[]> {
  const format = "--format=%H%x00%(trailers:key=Release-Job,valueonly,separator=%x01)";
  const range = `${checkOid(base)}..${checkOid(tip)}`;
  const text = await runner.must(["log", `--max-count=${mostCommits}`, format, range, "--"]);
  const commits: TrailerCommit[] = [];
  for (const line of text.split("\n")) {
    const [commit = "", values = ""] = line.split("\0");
    const jobs = values.split("\u0001").filter((value) => value !== "");
    if (jobs.length > 0) commits.push({ commit: checkOid(commit), jobs });
  }
  return commits;
}

export interface LastChange {
  readonly commit: string;
  readonly author: string;
  readonly subject: string;
}

/** The newest commit up to `commit` that changed a file; undefined for a path that never was. */
export async function lastChangeOf(
  runner: GitRunner,
  commit: string,
  path: string,
): Promise<LastChange | undefined> {
  const format = "--format=%H%x00%an%x00%s";
  const args = ["--literal-pathspecs", "log", "-1", "--no-renames", format, checkOid(commit), "--", path];
  const [hash = "", author = "", subject = ""] = (await runner.must(args)).trim().split("\0");
  return hash === "" ? undefined : { commit: checkOid(hash), author, subject };
}

/** When a commit was committed. */
export async function committerTime(runner: GitRunner, commit: string): Promise<Date> {
  const text = await runner.must(["log", "-1", "--format=%ct", checkOid(commit), "--"]);
  return new Date(Number(text.trim()) * 1000);
}
