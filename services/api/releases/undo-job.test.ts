import { expect, test } from "vitest";

import type { RecordedChange } from "#common/store/schema.ts";

import { rollbackHeadline } from "./undo-job.ts";

function change(name: string, field = "image"): RecordedChange {
  return { workload: `shop:deployment/${name}`, container: "main", field } as unknown as RecordedChange;
}

test.each([
  [[change("web"), change("web", "label")], "Rollback: shop/web to the previous image"],
  [[change("web"), change("web")], "Rollback: shop/web to the previous images"],
  [[change("web"), change("api")], "Rollback: shop/web, shop/api to the previous images"],
  [
    ["a", "b", "c", "d", "e", "f"].map((name) => change(name)),
    "Rollback: shop/a, shop/b, shop/c, shop/d, 2 more to the previous images",
  ],
])("of %j is headed %s", (changes, headline) => {
  expect(rollbackHeadline({ changes })).toBe(headline);
});
