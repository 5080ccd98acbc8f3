export interface BatchReader {
  /** Feed it the output of `git cat-file --batch` as it comes. */
  readonly take: (chunk: Buffer) => void;
  /** What was read when the output ended. */
  finish(): BatchResult;
}

export interface BatchResult {
  readonly blobs: Map<string, Buffer>;
  readonly tooLarge: readonly string[];
  /** Not in the cache, or no blob. */
  readonly missing: readonly string[];
  /** The output ended in the middle of an object, or was no batch output. */
  readonly broken: boolean;
}

const longestHeaderBytes = 256;

/** Parses batch output in a stream: bodies above the limit pass by without being kept. */
export function createBatchReader(limitBytes: number): BatchReader {
  const blobs = new Map<string, Buffer>();
  const tooLarge: string[] = [];
  const missing: string[] = [];
  let header = Buffer.alloc(0);
  let body: { oid: string; type: string; left: number; kept: Buffer[] | undefined } | undefined;
  let broken = false;

  /** What follows cannot be understood any more: the rest is dropped. */
  const giveUp = (): Buffer => {
    broken = true;
    return Buffer.alloc(0);
  };
  const endBody = () => {
    if (body?.type !== "blob") missing.push(body?.oid ?? "");
    else if (body.kept === undefined) tooLarge.push(body.oid);
    // The body is followed by one newline, which was counted as part of it.
    else blobs.set(body.oid, Buffer.concat(body.kept).subarray(0, -1));
    body = undefined;
  };
  const takeBody = (chunk: Buffer): Buffer => {
    if (body === undefined) return chunk;
    const piece = chunk.subarray(0, body.left);
    body.left -= piece.length;
    body.kept?.push(piece);
    if (body.left === 0) endBody();
    return chunk.subarray(piece.length);
  };
  const takeHeader = (chunk: Buffer): Buffer => {
    const end = chunk.indexOf(0x0a);
    header = Buffer.concat([header, end < 0 ? chunk : chunk.subarray(0, end)]);
    if (end < 0) return header.length > longestHeaderBytes ? giveUp() : Buffer.alloc(0);
    const line = header.toString("latin1");
    header = Buffer.alloc(0);
    const [, oid, type, size] = /^([0-9a-f]{40}) (\w+) (\d+)$/.exec(line) ?? [];
    const [, absent] = /^([0-9a-f]{40}) missing$/.exec(line) ?? [];
    if (absent !== undefined) missing.push(absent);
    else if (oid === undefined || type === undefined) return giveUp();
    else body = { oid, type, left: Number(size) + 1, kept: Number(size) > limitBytes ? undefined : [] };
    return chunk.subarray(end + 1);
  };
  return {
    take(chunk) {
      let rest = broken ? Buffer.alloc(0) : chunk;
      while (rest.length > 0) rest = body === undefined ? takeHeader(rest) : takeBody(rest);
    },
    finish: () => ({ blobs, tooLarge, missing, broken: broken || body !== undefined || header.length > 0 }),
  };
}
