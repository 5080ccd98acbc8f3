import { describe, expect, test } from "vitest";

import { roleAllows, roles } from "../domain/access.ts";
import type { Role } from "../domain/access.ts";
import { peopleGates } from "../domain/gates.ts";
import { judgeOverride, overrides, overrideTable, situations } from "./overrides.ts";

const having = (role: Role) => (needed: Role) => roleAllows(role, needed);

const cells = overrides.flatMap((right) =>
  roles.flatMap((role) => situations.map((situation) => ({ right, role, situation }))),
);

test.each(cells)("$right by $role for a $situation is answered as the table says", (cell) => {
  const { role, uses } = overrideTable[cell.right];
  const expected = {
    refused: "wrong-situation",
    needless: "allowed",
    lifts: roleAllows(cell.role, role) ? "allowed" : "wrong-role",
  }[uses[cell.situation]];
  expect(judgeOverride({ ...cell, has: having(cell.role) })).toBe(expected);
});

describe("the table", () => {
  test("has a row for every right and a cell for every situation", () => {
    expect(Object.keys(overrideTable).toSorted()).toEqual([...overrides].toSorted());
    for (const { uses } of Object.values(overrideTable)) {
      expect(Object.keys(uses).toSorted()).toEqual([...situations].toSorted());
    }
  });

  test("lets nobody pass an approval or a schedule", () => {
    expect(overrides.filter((right) => peopleGates.some((gate) => gate === right))).toEqual([
      "freeze",
      "window",
    ]);
  });

  test("lets nobody but admins pass what people closed, and viewers nothing that lifts a guard", () => {
    for (const right of overrides) {
      const lifts = situations.filter((situation) => overrideTable[right].uses[situation] === "lifts");
      expect([right, lifts.length > 0]).toEqual([right, true]);
      for (const situation of lifts) {
        expect(judgeOverride({ right, has: having("viewer"), situation })).toBe("wrong-role");
        const isGate = right === "freeze" || right === "window";
        expect(judgeOverride({ right, has: having("releaser"), situation })).toBe(
          isGate ? "wrong-role" : "allowed",
        );
        expect(judgeOverride({ right, has: having("admin"), situation })).toBe("allowed");
      }
    }
  });

  test("lets no release of everything pass the locks that nobody looked at", () => {
    expect(overrideTable.lock.uses).toMatchObject({ release: "lifts", "release --all": "refused" });
  });
});
