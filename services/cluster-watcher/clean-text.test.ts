import { describe, expect, test } from "vitest";

import { cleanLine, cleanLog } from "./clean-text.ts";

const line = (text: string): string => cleanLog(text)[0] ?? "";

describe("what looks like a credential is masked, and only that", () => {
  test.each([
    ["password=hunter2 user=shop", "password=[redacted] user=shop"],
    ["DB_PASSWORD: hunter2", "DB_PASSWORD: [redacted]"],
    ['{"apiKey":"abc def","level":"info"}', '{"apiKey":[redacted],"level":"info"}'],
    ["{'client_secret': 'abc\\'def', 'a': 1}", "{'client_secret': [redacted], 'a': 1}"],
    ["Authorization: Bearer abcdef.123456", "Authorization: [redacted] [redacted]"],
    ["got header bearer abcdef123456 from client", "got header bearer [redacted] from client"],
    ["authorization=Basic c2hvcDpzZWNyZXQ=", "authorization=[redacted] [redacted]"],
    [
      "connecting to postgres://shop:hunter2@db:5432/shop",
      "connecting to postgres://shop:[redacted]@db:5432/shop",
    ],
    ["redis://:hunter2@cache:6379", "redis://:[redacted]@cache:6379"],
    ["using AKIAIOSFODNN7EXAMPLE in eu-west-1", "using [redacted] in eu-west-1"],
    ["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [redacted]"],
    ["push with ghp_0123456789abcdefABCDEF0123", "push with [redacted]"],
    ["token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def expired", "token [redacted] expired"],
    ["mysqld --root-password hunter2 --port 3306", "mysqld --root-password [redacted] --port 3306"],
    ["GET /login?token=abc&next=%2F 401", "GET /login?token=[redacted]&next=%2F 401"],
  ])("%s", (raw, clean) => {
    expect(line(raw)).toBe(clean);
  });
  test.each([
    "fatal: giving up",
    "listening on :8080",
    "panic: runtime error: index out of range [3] with length 3",
    "no password given, using the socket",
    "could not reach http://cart:80/items: connection refused",
    "unexpected token } in JSON at position 4",
  ])("%s", (harmless) => {
    expect(line(harmless)).toBe(harmless);
  });
  test("a private key is hidden whole, and what follows is shown", () => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----\nfatal";
    expect(cleanLog(key)).toEqual([...Array(4).fill("[redacted]"), "fatal"]);
  });
});

describe("a log", () => {
  test("is its last twenty lines, each cut, without empty ones", () => {
    const text = Array.from({ length: 50 }, (_, index) => `line ${index}\n\n`).join("");
    expect(cleanLog(text)).toHaveLength(20);
    expect(cleanLog(text).at(-1)).toBe("line 49");
    const long = cleanLog(`${"ä".repeat(2_000)}\r\nend`);
    expect(long.map((one) => one.length)).toEqual([500, 3]);
    expect(long[0]?.endsWith("…")).toBe(true);
    expect(cleanLog("")).toEqual([]);
  });
  test("keeps nothing that steers a terminal", () => {
    expect(line("\u001b[31mred\u001b[0m \u001b]0;title\u0007\u0000a\tb\u202e\u009b2J")).toBe("red a  b2J");
  });
  test("of any content is cleaned in no time", () => {
    const hostile = [
      "password=".repeat(8_000),
      "a".repeat(70_000),
      "://:".repeat(16_000),
      "eyJ.".repeat(16_000),
    ];
    for (const text of [...hostile, "\u001b[".repeat(30_000), 'secret="'.repeat(8_000)]) {
      expect(cleanLog(text).length).toBeLessThanOrEqual(1);
    }
  });
});

test("a message is one line", () => {
  expect(cleanLine(" first\n  second password=x ", 100)).toBe("first second password=[redacted]");
  expect(cleanLine("x".repeat(50), 10)).toBe(`${"x".repeat(9)}…`);
});
