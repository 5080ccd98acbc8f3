import { expect, test } from "vitest";

import { judgeLevel, refuseOldPostgres } from "./schema-level.ts";

const version = { level: 7, readableFrom: 5, upgradesFrom: 4 };

test.each([
  ["an empty database is migrated", { level: 0, readableFrom: 0 }, "migrate"],
  ["our own is left to the migrator, which finds nothing to do", { level: 7, readableFrom: 5 }, "migrate"],
  ["the version before is brought on", { level: 4, readableFrom: 3 }, "migrate"],
  ["a newer one that only expanded is used as it is", { level: 9, readableFrom: 7 }, "use"],
] as const)("%s", (_name, database, verdict) => {
  expect(judgeLevel(database, version)).toBe(verdict);
});

test("a database that no longer fits says which versions do", () => {
  expect(() => judgeLevel({ level: 9, readableFrom: 8 }, version)).toThrow(
    expect.objectContaining({
      code: "STORE_TOO_NEW",
      detail:
        "the database is at level 9 and wants a version of at least level 8; this version is of level 7",
    }),
  );
  expect(() => judgeLevel({ level: 3, readableFrom: 3 }, version)).toThrow(
    expect.objectContaining({
      code: "STORE_TOO_OLD",
      detail: "the database is at level 3; this version brings it on from level 4 at least",
    }),
  );
});

test("a PostgreSQL before 15 is refused, and every later one is not", () => {
  expect(() => refuseOldPostgres(140_012)).toThrow(
    expect.objectContaining({
      code: "POSTGRES_TOO_OLD",
      detail: "this server is PostgreSQL 14; at least 15 is needed",
    }),
  );
  expect(() => refuseOldPostgres(90_624)).toThrow(expect.objectContaining({ code: "POSTGRES_TOO_OLD" }));
  for (const good of [150_000, 150_004, 180_004]) refuseOldPostgres(good);
});
