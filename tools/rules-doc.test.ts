import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const text = readFileSync(join(root, "docs/rules.md"), "utf8");

interface Named {
  readonly file: string;
  /** A symbol of the file, or the name of one of its tests as it is written there. */
  readonly what: string | undefined;
}

/** `file`, `file#symbol`, and "names" of tests of the file before them. */
function namedIn(cell: string): Named[] {
  const found: Named[] = [];
  let file = "";
  for (const [, code, quoted] of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (code === undefined) {
      found.push({ file, what: quoted });
      continue;
    }
    const [path = "", symbol] = code.split("#");
    file = path;
    found.push({ file, what: symbol });
  }
  return found;
}

function isThere({ file, what }: Named): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  if (what === undefined) return true;
  const source = readFileSync(path, "utf8");
  const isName = /^\w+$/.test(what);
  return isName
    ? new RegExp(`\\b${what}\\b`).test(source)
    : ['"', "`"].some((mark) => source.includes(`${mark}${what}${mark}`));
}

const rows = text
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

test("every rule of the write path has a place and a test, and all of them exist", () => {
  const missing = rows.flatMap(([rule = "", , place = "", tests = ""]) => {
    const named = [...namedIn(place), ...namedIn(tests)];
    const told = named.filter((one) => !isThere(one)).map((one) => `${rule}: ${one.file} ${one.what ?? ""}`);
    const isProved = namedIn(tests).some((one) => one.what !== undefined);
    return isProved && place !== "" ? told : [...told, `${rule}: names no place or no test`];
  });
  expect(missing).toEqual([]);
});

test("no rule is left out", () => {
  const numbers = new Set(rows.map(([rule = ""]) => rule));
  const parts = ["a", "b", "c", "d", "e", "f"].map((letter) => `5${letter}`);
  const all = [...Array.from({ length: 15 }, (_, index) => String(index + 1)), ...parts];
  expect([...numbers].toSorted()).toEqual(all.toSorted());
});
