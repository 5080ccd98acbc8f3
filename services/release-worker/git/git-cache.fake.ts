import { createHash } from "node:crypto";

import { SlipwayError } from "#common/domain/errors.ts";

import type { GitCache } from "./git-cache.ts";

/** A file as a test writes it; text is an ordinary file. */
export type FakeFile = string | { readonly bytes: Buffer; readonly mode?: string };

/** The reading half of a git cache, in memory, for tests of what reads manifests. */
export interface FakeGitCache extends Pick<GitCache, "fetchTip" | "listTree" | "readBlobs"> {
  /** Commits these files alone and moves the branch there; answers the commit. */
  commit(files: Readonly<Record<string, FakeFile>>): string;
  /** How often each blob was read. */
  readonly reads: ReadonlyMap<string, number>;
}

const maxBlobBytes = 1024 * 1024;

interface Entry {
  readonly mode: string;
  readonly oid: string;
  readonly path: string;
}

/** A config repository without a commit. */
export function createFakeGitCache(): FakeGitCache {
  const blobs = new Map<string, Buffer>();
  const commits = new Map<string, readonly Entry[]>();
  const reads = new Map<string, number>();
  let tip: string | undefined;
  return {
    reads,
    commit(files) {
      const entries = Object.entries(files).map(([path, file]): Entry => {
        const { bytes, mode = "100644" } = typeof file === "string" ? { bytes: Buffer.from(file) } : file;
        const oid = oidOf("blob", bytes);
        blobs.set(oid, bytes);
        return { mode, oid, path };
      });
      entries.sort((a, b) => (a.path < b.path ? -1 : 1));
      tip = oidOf("commit", Buffer.from(JSON.stringify([tip, entries])));
      commits.set(tip, entries);
      return tip;
    },
    async fetchTip() {
      if (tip === undefined) throw new SlipwayError("GIT_BRANCH_MISSING");
      return tip;
    },
    async listTree(commit, underPaths = []) {
      const entries = commits.get(commit);
      if (entries === undefined) throw new SlipwayError("NOT_FOUND", { detail: `commit ${commit}` });
      return entries.filter((entry) => underPaths.length === 0 || underPaths.some(isUnder(entry.path)));
    },
    async readBlobs(oids) {
      for (const oid of oids) reads.set(oid, (reads.get(oid) ?? 0) + 1);
      return new Map(oids.map((oid) => [oid, blobOf(blobs, oid)] as const).filter(isReadable));
    },
  };
}

function blobOf(blobs: ReadonlyMap<string, Buffer>, oid: string): Buffer {
  const bytes = blobs.get(oid);
  if (bytes === undefined) throw new SlipwayError("NOT_FOUND", { detail: `blob ${oid}` });
  return bytes;
}

function isReadable([, bytes]: readonly [string, Buffer]): boolean {
  return bytes.byteLength <= maxBlobBytes;
}

function isUnder(path: string): (folder: string) => boolean {
  return (folder) => {
    const plain = folder.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
    return plain === "." || plain === "" || path === plain || path.startsWith(`${plain}/`);
  };
}

/** As git names objects of these bytes. */
function oidOf(type: "blob" | "commit", bytes: Buffer): string {
  return createHash("sha1").update(`${type} ${bytes.byteLength}\0`).update(bytes).digest("hex");
}
