import { createHash } from "node:crypto";

/** Bytes of small blobs kept in memory, the oldest dropped first: 1,000 manifests are about 1.5 MB. */
export interface BlobMemory {
  get(oid: string): Buffer | undefined;
  has(oid: string): boolean;
  keep(oid: string, bytes: Buffer): void;
}

const maxBytes = 32 * 1024 * 1024;

export function createBlobMemory(limitBytes: number = maxBytes): BlobMemory {
  const blobs = new Map<string, Buffer>();
  let kept = 0;
  return {
    get: (oid) => blobs.get(oid),
    has: (oid) => blobs.has(oid),
    keep(oid, bytes) {
      if (blobs.has(oid) || bytes.byteLength > limitBytes / 4) return;
      blobs.set(oid, bytes);
      kept += bytes.byteLength;
      for (const [oldest, gone] of blobs) {
        if (kept <= limitBytes) return;
        blobs.delete(oldest);
        kept -= gone.byteLength;
      }
    },
  };
}

/** The id that git will give these bytes (SHA-1 repositories; the caller knows which it has). */
export function blobOid(bytes: Buffer): string {
  return createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");
}
