import { createHash } from "node:crypto";

import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

/** A page that may be the kept list itself. */
export interface ListPage extends Omit<WorkloadPage, "workloads"> {
  readonly workloads: readonly Workload[];
}

/** Pages of workloads as they are sent, each workload written once as long as it stays the same object. */
export interface Listing {
  /** A weak ETag: another one when anything of the page changed, or its facts became much older. */
  etag(page: ListPage): string;
  json(page: ListPage): string;
}

interface Written {
  readonly json: string;
  readonly mark: Buffer;
}

const markBytes = 12;

export function createListing(): Listing {
  const known = new WeakMap<Workload, Written>();
  const hashes = new WeakMap<readonly Workload[], string>();
  const write = (workload: Workload): Written => {
    const before = known.get(workload);
    if (before !== undefined) return before;
    const json = JSON.stringify(workload);
    const written = { json, mark: createHash("sha256").update(json).digest().subarray(0, markBytes) };
    known.set(workload, written);
    return written;
  };
  // A whole list is the same array for as long as nothing changes.
  const hashOf = (workloads: readonly Workload[]): string => {
    const before = hashes.get(workloads);
    if (before !== undefined) return before;
    const marks = Buffer.concat(workloads.map((one) => write(one).mark));
    const hash = createHash("sha256").update(marks).digest("base64url");
    hashes.set(workloads, hash);
    return hash;
  };
  return {
    etag({ workloads, age, next }) {
      const hash = createHash("sha256").update(JSON.stringify([next, coarse(age), hashOf(workloads)]));
      return `W/"${hash.digest("base64url").slice(0, 22)}"`;
    },
    json({ workloads, age, next }) {
      const rows = workloads.map((one) => write(one).json).join(",");
      return `{"workloads":[${rows}],"age":${JSON.stringify(age)},"next":${JSON.stringify(next)}}`;
    },
  };
}

/** Ages count in coarse steps: 304 says "nothing changed, and it is as fresh as it was". */
function coarse({ clusterMs, gitMs, imagesMs, ...rest }: WorkloadPage["age"]): unknown {
  return [rest, steps(clusterMs, 10_000), steps(gitMs, 60_000), steps(imagesMs, 10_000)];
}

function steps(ms: number | null, stepMs: number): number {
  return ms === null ? -1 : Math.floor(ms / stepMs);
}
