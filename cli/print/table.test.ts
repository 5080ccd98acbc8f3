import { expect, test } from "vitest";

import { cutTo, padTo, tableLines } from "./table.ts";
import { widthOf } from "./width.ts";

test("wide characters count two columns, marks none", () => {
  expect(widthOf("abc")).toBe(3);
  expect(widthOf("日本語")).toBe(6);
  expect(widthOf("한글")).toBe(4);
  expect(widthOf("e\u0301")).toBe(1);
  expect(widthOf("🚀")).toBe(2);
  expect(widthOf("naïve ✔")).toBe(7);
  expect(padTo("日本", 6)).toBe("日本  ");
});

test("a cut text never takes more than its columns", () => {
  expect(cutTo("front-end", 9)).toBe("front-end");
  expect(cutTo("front-end", 6)).toBe("front…");
  expect(cutTo("日本語", 5)).toBe("日本…");
  expect(cutTo("日本語", 4)).toBe("日…");
});

const rows = [
  ["WORKLOAD", "IMAGE", "CREATED"],
  [
    "sock-shop/front-end",
    "weaveworksdemos/front-end:7f511af2d21fd601b86b3bed7baa6adfa9c8c669",
    "18 Nov 16 16:00 UTC",
  ],
];

test("a pipe gets every character, a terminal what fits on a line", () => {
  expect(tableLines(rows)[1]).toContain("7f511af2d21fd601b86b3bed7baa6adfa9c8c669");
  for (const columns of [80, 100]) {
    const lines = tableLines(rows, columns);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
    expect(lines[1]).toMatch(/^sock-shop\/front-end +weaveworksdemos\/front-end:7\S*… +18 Nov 16 16:00 UTC$/);
  }
  expect(tableLines(rows, 200)).toEqual(tableLines(rows));
});

test("a terminal that is far too narrow still shows something of each column", () => {
  const [, line] = tableLines(rows, 20);
  expect(line?.split(/ {2,}/)).toEqual(["sock-shop/f…", "weaveworksd…", "18 Nov 16 1…"]);
});
