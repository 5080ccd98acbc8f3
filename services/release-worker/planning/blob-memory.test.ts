import { expect, test } from "vitest";
import { blobOid, createBlobMemory } from "./blob-memory.ts";

test("a blob's id is the one git gives it", () => {
  expect(blobOid(Buffer.from("hello\n"))).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
});

test("the oldest blobs go when the limit is reached, and a giant is not kept at all", () => {
  const memory = createBlobMemory(100);
  for (const name of ["a", "b", "c", "d", "e"]) memory.keep(name, Buffer.alloc(25));
  memory.keep("giant", Buffer.alloc(26));
  expect(["a", "b", "c", "d", "e", "giant"].filter((name) => memory.has(name))).toEqual(["b", "c", "d", "e"]);
});
