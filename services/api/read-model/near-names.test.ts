import { expect, test } from "vitest";

import { nearNames } from "./near-names.ts";

const known = [
  "sock-shop/front-end",
  "sock-shop/cart",
  "sock-shop/catalogue",
  "test/front-end",
  "sock-shop/queue-master",
];

test.each([
  ["front-end", ["sock-shop/front-end", "test/front-end"]],
  ["moon/front-end", ["sock-shop/front-end", "test/front-end"]],
  ["sock-shop/frontend", ["sock-shop/front-end", "test/front-end"]],
  ["carts", ["sock-shop/cart"]],
  ["queue", ["sock-shop/queue-master"]],
  ["payment", []],
])("near %s are %j", (asked, near) => {
  expect(nearNames(asked, known)).toEqual(near);
});

test("stays quick with names as long as they may be", () => {
  expect(
    nearNames(
      "x".repeat(253),
      Array.from({ length: 50 }, (_, n) => "y".repeat(200 + n)),
    ),
  ).toEqual([]);
});
