import { expect, test } from "vitest";

import { unifiedDiff } from "./diff.ts";

const lines = (...of: string[]): string => of.map((line) => `${line}\n`).join("");
const diff = (before: string, after: string) => unifiedDiff({ path: "deploy/a.yaml", before, after });

test("a diff looks as git prints it, with three lines around a change", () => {
  const before = lines("1", "2", "3", "4", "image: a:1", "6", "7", "8", "9");
  expect(diff(before, before.replace("a:1", "a:2"))).toEqual({
    path: "deploy/a.yaml",
    unified: lines(
      "--- a/deploy/a.yaml",
      "+++ b/deploy/a.yaml",
      "@@ -2,7 +2,7 @@",
      " 2",
      " 3",
      " 4",
      "-image: a:1",
      "+image: a:2",
      " 6",
      " 7",
      " 8",
    ),
    added: 1,
    removed: 1,
  });
});

test("it counts the lines that came and went", () => {
  expect(diff(lines("a", "b"), lines("a", "x", "y", "z"))).toMatchObject({ added: 3, removed: 1 });
  expect(diff("", lines("a", "b"))).toMatchObject({ added: 2, removed: 0 });
  expect(diff(lines("a"), lines("a"))).toMatchObject({ added: 0, removed: 0 });
});

test("it keeps carriage returns and tells of a missing last line end", () => {
  expect(diff("a\r\nb\r\n", "a\r\nc\r\n").unified).toContain("-b\r\n+c\r\n");
  expect(diff("a\n", "b").unified).toContain("+b\n\\ No newline at end of file\n");
});
