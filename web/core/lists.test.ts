import { describe, expect, test } from "vitest";

import { aContainer, aWorkload, failing } from "../testing/seed.ts";
import { countFilters, narrow } from "./filters.ts";
import type { Filter, Narrowing } from "./filters.ts";
import { windowOf } from "./window.ts";
import { stopsOf, workloadLines } from "./workload-lines.ts";

const newest = { tag: "0.3.0", createdAt: null, behind: 2, behindMs: null };
const behind = aWorkload("orders", { containers: [aContainer("orders", { newest, newestReason: null })] });
const locked = aWorkload("payment", { policies: ["automated", "locked"] });
const wild = aWorkload("wild", { namespace: "tools", declared: null, drift: true });
const held = aWorkload("user", {
  holds: [{ container: "user", reason: "it failed", since: null, job: null }],
});
const all = [behind, locked, failing("cart"), wild, held];
const none: Narrowing = { text: "", filters: [], namespace: "" };

const names = (by: Narrowing) => narrow(all, by).map(({ name }) => name);

describe("the list of workloads", () => {
  test("is the very same list when nothing narrows it", () => {
    expect(narrow(all, none)).toBe(all);
  });

  test("is searched by all words, in names and images, in any case", () => {
    expect(names({ ...none, text: "PAY" })).toEqual(["payment"]);
    expect(names({ ...none, text: "tools/wild" })).toEqual(["wild"]);
    expect(names({ ...none, text: "example/orders 0.2" })).toEqual(["orders"]);
    expect(names({ ...none, text: "orders nothing" })).toEqual([]);
  });

  test.each([
    ["failing", ["cart"]],
    ["behind", ["orders"]],
    ["automated", ["payment"]],
    ["locked", ["payment"]],
    ["held", ["user"]],
    ["drift", ["wild"]],
    ["not in git", ["wild"]],
  ] satisfies [Filter, string[]][])("shows those that are %s", (filter, expected) => {
    expect(names({ ...none, filters: [filter] })).toEqual(expected);
    expect(countFilters(all)[filter]).toBe(expected.length);
  });

  test("narrows further with each filter", () => {
    expect(names({ ...none, filters: ["locked", "behind"] })).toEqual([]);
    expect(names({ ...none, filters: ["drift"], namespace: "sock-shop" })).toEqual([]);
  });

  test("begins with what fails, then goes by namespace and name", () => {
    const told = workloadLines(all).map((line) =>
      line.kind === "head" ? `# ${line.title} ${line.count}` : line.workload.name,
    );
    expect(told).toEqual([
      "# Failing 1",
      "cart",
      "# sock-shop 3",
      "orders",
      "payment",
      "user",
      "# tools 1",
      "wild",
    ]);
  });

  test("has a line for each container, and says how many are not shown", () => {
    const containers = Array.from({ length: 20 }, (_, index) =>
      aContainer(`c${index}`, { init: index === 0 }),
    );
    const lines = workloadLines([aWorkload("big", { containers }), aWorkload("empty", { containers: [] })]);
    const rows = lines.filter((line) => line.kind === "row");
    expect(rows.map(({ container }) => container?.name)).toEqual(["c1", "c2", "c3", "c4", undefined]);
    expect(rows.map(({ hidden }) => hidden)).toEqual([0, 0, 0, 16, 0]);
    expect(stopsOf(lines)).toEqual([1, 5]);
    expect(new Set(lines.map(({ key }) => key)).size).toBe(lines.length);
  });
});

describe("a long list", () => {
  test("holds the lines in sight and a few more", () => {
    expect(windowOf({ count: 10_000, linePx: 40, scrolledPx: 4_000, seenPx: 800 })).toEqual({
      from: 86,
      to: 134,
      heightPx: 400_000,
    });
  });

  test("holds hardly more than that while somebody drags through it", () => {
    const facts = { count: 10_000, linePx: 40, scrolledPx: 4_000, seenPx: 800, hurried: true };
    expect(windowOf(facts)).toMatchObject({ from: 98, to: 122 });
  });

  test.each([
    [{ count: 0, scrolledPx: 500 }, 0, 0],
    [{ count: 3, scrolledPx: -200 }, 0, 3],
    [{ count: 20, scrolledPx: 90_000 }, 20, 20],
  ])("is whole at its ends: %j", (facts, from, to) => {
    expect(windowOf({ linePx: 40, seenPx: 800, ...facts })).toMatchObject({ from, to });
  });
});
