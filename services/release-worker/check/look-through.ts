import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { readManifest } from "#common/domain/manifest.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { OtherWriter, Place } from "#proto/slipway/release/v1/release.ts";
import type { GitCache, TreeEntry } from "../git/git-cache.ts";
import { isInPaths, manifestOptions } from "../planning/tip-files.ts";
import { writersIn } from "./other-writers.ts";

export interface LookAsk {
  readonly git: Pick<GitCache, "listTree" | "readBlobs">;
  readonly commit: string;
  readonly environment: EnvironmentSettings;
  /** Workloads that run and that nothing in the paths declares. */
  readonly notInGit: readonly string[];
}

export interface Found {
  readonly outside: readonly Place[];
  readonly writers: readonly OtherWriter[];
  /** False where there are more files than are looked through. */
  readonly whole: boolean;
}

const mostFiles = 3_000;
const filesAtATime = 300;
const mostWriters = 20;

/** Reads the repository's YAML files, in the paths and outside, for what explains the difference to the cluster. */
export async function lookThrough({ git, commit, environment, notInGit }: LookAsk): Promise<Found> {
  const entries = (await git.listTree(commit)).filter(({ path }) => /\.ya?ml$/i.test(path));
  const wanted = new Set(notInGit);
  const outside = new Map<string, Place>();
  const writers: OtherWriter[] = [];
  for await (const { path, text } of textsOf(git, entries.slice(0, mostFiles))) {
    const inPaths = isInPaths(path, environment.git.paths);
    writers.push(...writersIn({ path, text, inPaths }));
    if (inPaths || outside.size === wanted.size) continue;
    for (const { id } of readManifest(text, manifestOptions(environment, path)).workloads) {
      const workload = formatWorkloadId(id);
      if (wanted.has(workload) && !outside.has(workload)) outside.set(workload, { workload, path });
    }
  }
  return {
    outside: [...outside.values()],
    writers: writers.slice(0, mostWriters),
    whole: entries.length <= mostFiles,
  };
}

/** In some bites, so that a large repository is never in memory as a whole. */
async function* textsOf(
  git: LookAsk["git"],
  entries: readonly TreeEntry[],
): AsyncGenerator<{ path: string; text: string }> {
  for (let from = 0; from < entries.length; from += filesAtATime) {
    const some = entries.slice(from, from + filesAtATime);
    const blobs = await git.readBlobs(some.map(({ oid }) => oid));
    for (const { path, oid } of some) {
      const bytes = blobs.get(oid);
      // Larger than any manifest that is read.
      if (bytes !== undefined) yield { path, text: bytes.toString("utf8") };
    }
  }
}
