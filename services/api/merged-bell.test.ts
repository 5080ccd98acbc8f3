import { expect, test } from "vitest";

import { createMergedBell } from "./merged-bell.ts";

test("rings at once, and once more for all that came meanwhile", async () => {
  const rings: PromiseWithResolvers<void>[] = [];
  const subjects: string[] = [];
  const ring = createMergedBell({
    ring: (_queue, subject) => {
      subjects.push(subject);
      const pending = Promise.withResolvers<void>();
      rings.push(pending);
      return pending.promise;
    },
  });
  for (let n = 0; n < 10; n += 1) ring("slipway-worker", "lane:a");
  ring("slipway-worker", "lane:b");
  expect(subjects).toEqual(["lane:a", "lane:b"]);
  rings[0]?.resolve();
  await expect.poll(() => subjects).toEqual(["lane:a", "lane:b", "lane:a"]);
  rings[1]?.resolve();
  rings[2]?.resolve();
  await Promise.all([rings[1]?.promise, rings[2]?.promise]);
  await expect
    .poll(() => {
      ring("slipway-worker", "lane:a");
      return subjects.length;
    })
    .toBe(4);
});
