import { expect, test } from "vitest";

import { changedHeadline, leftLine, restartHeadline, syncHeadline } from "./sync-words.ts";

test.each([
  [{ names: ["shop/web"], namespace: null }, "Sync shop/web"],
  [{ names: [], namespace: "shop" }, "Sync namespace shop"],
  [{ names: [], namespace: null }, "Sync everything that git declares"],
  [{ names: ["a/1", "a/2", "a/3", "a/4", "a/5"], namespace: null }, "Sync a/1, a/2, a/3, a/4, a/5"],
  [{ names: ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6"], namespace: null }, "Sync a/1, a/2, a/3, a/4, 2 more"],
])("a sync of %j is headed %s", (asked, headline) => {
  expect(syncHeadline(asked)).toBe(headline);
});

test("a sync that a commit brought names the commit and counts what it changed", () => {
  expect(changedHeadline(1, "9c1e2f4aaaa")).toBe("Sync: 1 object changed by 9c1e2f4");
  expect(changedHeadline(3, "9c1e2f4aaaa")).toBe("Sync: 3 objects changed by 9c1e2f4");
});

test("a restart names its workloads", () => {
  expect(restartHeadline(["shop/web", "shop/api"])).toBe("Restart shop/web, shop/api");
});

test("what is left alone is told with what is known of it", () => {
  expect(leftLine("shop/web", { reason: "in-sync" })).toBe("shop/web is as git declares it; skipping.");
  expect(leftLine("shop/web", { reason: "handed-off", detail: "Helm release shop/web" })).toBe(
    "shop/web is applied by somebody else (Helm release shop/web); skipping.",
  );
});
