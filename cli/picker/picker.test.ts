import { expect, test } from "vitest";

import { createPaint } from "../print/paint.ts";
import { widthOf } from "../print/width.ts";

import { pickLines } from "./screen.ts";
import { beginPick, press, rowsOf } from "./state.ts";
import type { PickGroup, PickState } from "./state.ts";

function aGroup(workload: string, repository: string, tags: readonly string[]): PickGroup {
  const images = tags.map((tag) => ({ tag, created: "?", running: tag === tags.at(-1), ineligible: null }));
  return { workload, container: "web", repository, images };
}

const groups = [
  aGroup("shop/cart", "shop/cart", ["3", "2"]),
  aGroup("shop/web", "shop/web", ["b", "a"]),
  aGroup("shop/web-canary", "shop/web", ["b", "a"]),
];

/** Keys by name; a text in quotes is typed. */
function pressed(...keys: readonly string[]): PickState {
  return keys.reduce((state, key) => {
    const [, text] = /^"(.*)"$/.exec(key) ?? [];
    if (text === undefined) return press(state, { name: key, text: "", ctrl: false });
    return Array.from(text).reduce(
      (typed, letter) => press(typed, { name: letter, text: letter, ctrl: false }),
      state,
    );
  }, beginPick(groups));
}

const chosenOf = ({ chosen }: PickState) => [...chosen].map(([{ workload }, tag]) => `${workload}:${tag}`);

test("arrows move within the list, space chooses one image of a container", () => {
  expect(chosenOf(pressed("down", "space"))).toEqual(["shop/cart:2"]);
  expect(chosenOf(pressed("down", "space", "up", "space"))).toEqual(["shop/cart:3"]);
  expect(chosenOf(pressed("space", "space"))).toEqual([]);
  expect(pressed("up").cursor).toBe(0);
  expect(pressed("pagedown").cursor).toBe(5);
  expect(chosenOf(pressed("end", "space", "home", "space"))).toEqual(["shop/web-canary:a", "shop/cart:3"]);
});

test("two containers of one image repository may get different tags", () => {
  expect(chosenOf(pressed("down", "down", "space", "down", "down", "down", "space"))).toEqual([
    "shop/web:b",
    "shop/web-canary:a",
  ]);
});

test("typing filters by workload, container and tag, and what was chosen stays", () => {
  const filtered = pressed("space", '"canary"');
  expect(rowsOf(filtered).map(({ image }) => image.tag)).toEqual(["b", "a"]);
  expect(chosenOf(filtered)).toEqual(["shop/cart:3"]);
  expect(rowsOf(pressed('"canary :a"'))).toHaveLength(1);
  expect(rowsOf(pressed('"canary"', "backspace", "backspace"))).toHaveLength(2);
  expect(rowsOf(pressed('"nothing"'))).toEqual([]);
  expect(pressed('"nothing"', "return").ended).toBeUndefined();
});

test("enter takes what was chosen, else what is under the cursor; escape leaves, or clears the filter first", () => {
  expect(pressed("down", "return")).toMatchObject({ ended: "done" });
  expect(chosenOf(pressed("down", "return"))).toEqual(["shop/cart:2"]);
  expect(chosenOf(pressed("space", "down", "return"))).toEqual(["shop/cart:3"]);
  expect(pressed("escape").ended).toBe("left");
  expect(pressed('"x"', "escape")).toMatchObject({ ended: undefined, filter: "" });
  expect(press(beginPick(groups), { name: "c", text: "\u0003", ctrl: true }).ended).toBe("left");
});

test("the screen is never higher or wider than the terminal, and shows the cursor", () => {
  const many = aGroup(
    "shop/web",
    "shop/web",
    Array.from({ length: 300 }, (_, at) => `v${at}-日本語`),
  );
  let state = beginPick([many]);
  for (let down = 0; down < 150; down += 1) state = press(state, { name: "down", text: "", ctrl: false });
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
  ] as const) {
    const lines = pickLines(state, { columns, rows, paint: createPaint(false) });
    expect(lines.length).toBeLessThan(rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThan(columns);
    expect(lines.filter((line) => line.startsWith("› "))).toEqual([expect.stringContaining("v150-")]);
  }
});
