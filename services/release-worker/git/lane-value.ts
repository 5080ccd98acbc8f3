import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";

export interface LaneValue {
  readonly message: string;
  /** Makes the value unlike any other; hexadecimal. */
  readonly nonce: string;
  readonly at: Date;
}

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const compress = promisify(deflate);

/** The raw commit object of a lane ref's value: no parent, the empty tree, a nonce in the message. */
export function laneValueObject({ message, nonce, at }: LaneValue): Buffer {
  const stamp = `Slipway <slipway@localhost> ${Math.floor(at.getTime() / 1000)} +0000`;
  const text = `${message.replaceAll("\0", "").trimEnd()}\n\nNonce: ${nonce}\n`;
  return Buffer.from(`tree ${emptyTree}\nauthor ${stamp}\ncommitter ${stamp}\n\n${text}`);
}

/**
 * Stores a commit as a loose object and returns its id. Written by hand because each release needs one:
 * `commit-tree` would be a fourth process in the path from request to pushed commit.
 */
export async function storeCommitObject(folder: string, raw: Buffer): Promise<string> {
  const framed = Buffer.concat([Buffer.from(`commit ${raw.length}\0`), raw]);
  const oid = createHash("sha1").update(framed).digest("hex");
  const place = path.join(folder, "objects", oid.slice(0, 2));
  await mkdir(place, { recursive: true });
  const scratch = path.join(place, `tmp_obj_${oid.slice(2)}`);
  await writeFile(scratch, await compress(framed), { mode: 0o444, flag: "wx" });
  await rename(scratch, path.join(place, oid.slice(2)));
  return oid;
}
