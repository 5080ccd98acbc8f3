import { expect, test } from "vitest";

import { endingOf, isTokenSecret, newTokenSecret } from "./token-secret.ts";

test("a token is one that scanners for secrets know", () => {
  const token = newTokenSecret();
  expect(token).toMatch(/^slw_[0-9A-Za-z]{46}$/);
  expect(isTokenSecret(token)).toBe(true);
});

test("a slip of the pen is told from a token", () => {
  const token = newTokenSecret();
  const other = token.slice(0, 10) + (token[10] === "a" ? "b" : "a") + token.slice(11);
  expect(isTokenSecret(other)).toBe(false);
  expect(isTokenSecret(`${token}x`)).toBe(false);
});

test("no two are alike, and every digit is as likely", () => {
  const tokens = Array.from({ length: 500 }, () => newTokenSecret());
  expect(new Set(tokens).size).toBe(500);
  const digits = tokens.flatMap((token) => token.slice(4, 44).split(""));
  expect(new Set(digits).size).toBe(62);
});

test("bytes past the last whole round make no digit", () => {
  let turn = 0;
  const random = (bytes: number): Buffer => Buffer.alloc(bytes, (turn += 1) === 1 ? 255 : 0);
  expect(newTokenSecret(random).slice(4, 44)).toBe("0".repeat(40));
  expect(turn).toBe(2);
});

test("the ending of a short token is not shown", () => {
  expect(endingOf("changeme")).toBe("");
  expect(endingOf(newTokenSecret())).toHaveLength(4);
});
