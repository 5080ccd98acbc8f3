import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

import { SlipwayError } from "#common/domain/errors.ts";

/**
 * Cursors as clients carry them. A place in a table would tell how much of it others fill: sealed, it
 * tells nothing, and counts for nobody else.
 */
export interface Cursors {
  seal(cursor: string, holder: string): string;
  /** CURSOR_INVALID for what was not sealed for this holder. */
  open(sealed: string, holder: string): string;
}

const cipher = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;

/** By a key of 32 bytes that all API processes share. */
export function createCursors(key: Buffer): Cursors {
  return {
    seal(cursor, holder) {
      // The same cursor is sealed the same way, so that a client may compare.
      const iv = createHmac("sha256", key).update(`${holder}\n${cursor}`).digest().subarray(0, ivBytes);
      const seal = createCipheriv(cipher, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(holder));
      const parts = [iv, seal.update(cursor, "utf8"), seal.final()];
      return Buffer.concat([...parts, seal.getAuthTag()]).toString("base64url");
    },
    open(sealed, holder) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length <= ivBytes + tagBytes) throw new SlipwayError("CURSOR_INVALID");
      try {
        const iv = bytes.subarray(0, ivBytes);
        const open = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes });
        open.setAAD(Buffer.from(holder)).setAuthTag(bytes.subarray(-tagBytes));
        return open.update(bytes.subarray(ivBytes, -tagBytes), undefined, "utf8") + open.final("utf8");
      } catch (cause) {
        throw new SlipwayError("CURSOR_INVALID", { cause });
      }
    },
  };
}
