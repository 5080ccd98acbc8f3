import { describe, expect, test } from "vitest";

import type { Json } from "./json.ts";
import { jsonPatch, mergePatch, strategicMerge } from "./patch.ts";
import { loadSchema } from "./schema.ts";
import { objectType } from "./structured.ts";

describe("a JSON patch", () => {
  const value = { a: { "x/y": 1 }, list: ["p", "q"] };

  test.each<[string, Json, Json]>([
    ["adds a field", [{ op: "add", path: "/b", value: 2 }], { ...value, b: 2 }],
    [
      "replaces behind an escaped slash",
      [{ op: "replace", path: "/a/x~1y", value: 2 }],
      { ...value, a: { "x/y": 2 } },
    ],
    ["removes an item", [{ op: "remove", path: "/list/0" }], { ...value, list: ["q"] }],
    ["inserts an item", [{ op: "add", path: "/list/1", value: "r" }], { ...value, list: ["p", "r", "q"] }],
    ["appends an item", [{ op: "add", path: "/list/-", value: "r" }], { ...value, list: ["p", "q", "r"] }],
    ["moves a field", [{ op: "move", from: "/a", path: "/c" }], { c: value.a, list: value.list }],
    ["copies a field", [{ op: "copy", from: "/list/1", path: "/c" }], { ...value, c: "q" }],
    ["goes on after a test that holds", [{ op: "test", path: "/list/0", value: "p" }], value],
  ])("%s", (_, operations, expected) => {
    expect(jsonPatch(value, operations)).toEqual(expected);
  });

  test.each<[string, Json]>([
    ["a test that fails", [{ op: "test", path: "/list/0", value: "x" }]],
    ["a removal of nothing", [{ op: "remove", path: "/nothing" }]],
    ["an index beyond the end", [{ op: "add", path: "/list/5", value: "x" }]],
    ["an unknown operation", [{ op: "swap", path: "/a" }]],
    ["a missing value", [{ op: "add", path: "/b" }]],
    ["something that is no list", { op: "add" }],
  ])("%s refuses it with 422", (_, operations) => {
    expect(() => jsonPatch(value, operations)).toThrow(expect.objectContaining({ code: 422 }));
  });
});

test("a merge patch sets, nests, and takes away what is null", () => {
  const value = { a: { b: 1, c: 2 }, list: [1, 2] };
  expect(mergePatch(value, { a: { b: null, d: 3 }, list: [3] })).toEqual({ a: { c: 2, d: 3 }, list: [3] });
});

test("a strategic merge patch joins keyed lists and obeys deletions", () => {
  const schema = loadSchema();
  const containers = [
    { name: "a", image: "a:1", args: ["x"] },
    { name: "b", image: "b:1" },
  ];
  const value = { spec: { template: { spec: { containers } } } };
  const change = [
    { name: "a", image: "a:2" },
    { name: "b", $patch: "delete" },
    { name: "c", image: "c:1" },
  ];
  const patch = { spec: { template: { spec: { containers: change } } } };
  expect(strategicMerge(schema, objectType(schema, "Deployment"), { value, patch })).toEqual({
    spec: {
      template: {
        spec: {
          containers: [
            { name: "a", image: "a:2", args: ["x"] },
            { name: "c", image: "c:1" },
          ],
        },
      },
    },
  });
});
