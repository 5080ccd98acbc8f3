import { expect, test } from "vitest";

import { createSharedReads } from "./shared-reads.ts";

test("who asks in the same moment shares one read, who asks once it runs gets another", async () => {
  const share = createSharedReads();
  let reads = 0;
  const begun = Promise.withResolvers<void>();
  const read = async () => {
    reads += 1;
    begun.resolve();
    return reads;
  };
  const early = [share("a", read), share("a", read), share("b", async () => 17)];
  await begun.promise;
  const late = share("a", read);
  expect(await Promise.all([...early, late])).toEqual([1, 1, 17, 2]);
});

test("a read that fails fails for all who share it, and the next one begins anew", async () => {
  const share = createSharedReads();
  const failing = async (): Promise<number> => Promise.reject(new Error("away"));
  const all = await Promise.allSettled([share("a", failing), share("a", failing)]);
  expect(all.map((one) => one.status)).toEqual(["rejected", "rejected"]);
  expect(await share("a", async () => 1)).toBe(1);
});
