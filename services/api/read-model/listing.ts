import { createHash } from "node:crypto";

import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

/** Pages of workloads as they are sent, each workload written once as long as it stays the same object. */
export interface Listing {
  /** A weak ETag: another one when anything of the page changed, or its facts became much older. */
  etag(page: WorkloadPage): string;
  json(page: WorkloadPage): string;
}

interface Written {
  readonly json: string;
  readonly mark: Buffer;
}

const markBytes = 12;

export function createListing(): Listing {
  const known = new WeakMap<Workload, Written>();
  const write = (workload: Workload): Written => {
    const before = known.get(workload);
    if (before !== undefined) return before;
    const json = JSON.stringify(workload);
    const written = { json, mark: createHash("sha256").update(json).digest().subarray(0, markBytes) };
    known.set(workload, written);
    return written;
  };
  return {
    etag({ workloads, age, next }) {
      const hash = createHash("sha256").update(JSON.stringify([next, coarse(age)]));
      hash.update(Buffer.concat(workloads.map((one) => write(one).mark)));
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
