import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const secretLength = 40;
const checkLength = 6;

/**
 * A new token: `slw_`, 40 random letters and digits (238 bits), and 6 that check them, so that a
 * scanner for secrets knows one when it sees it (`slw_[0-9A-Za-z]{46}`) and takes little else for one.
 */
export function newTokenSecret(random: (bytes: number) => Buffer = randomBytes): string {
  let secret = "";
  // A byte is 0 to 255; those past the last whole round would make some digits likelier.
  while (secret.length < secretLength) {
    for (const byte of random(secretLength)) {
      if (byte < 248 && secret.length < secretLength) secret += digits.charAt(byte % 62);
    }
  }
  return `slw_${secret}${checkOf(secret)}`;
}

/** Whether the last six characters fit the forty before. */
export function isTokenSecret(text: string): boolean {
  const [, secret = "", check] = /^slw_([0-9A-Za-z]{40})([0-9A-Za-z]{6})$/.exec(text) ?? [];
  return check !== undefined && check === checkOf(secret);
}

/** Enough to tell a token by sight, and too little to guess it by; nothing of one that is short. */
export function endingOf(token: string): string {
  return token.length >= 40 ? token.slice(-4) : "";
}

/** The token as it is stored. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function checkOf(secret: string): string {
  let rest = crc32(secret);
  let check = "";
  while (check.length < checkLength) {
    check = digits.charAt(rest % 62) + check;
    rest = Math.floor(rest / 62);
  }
  return check;
}
