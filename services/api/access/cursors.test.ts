import { expect, test } from "vitest";

import { createCursors } from "./cursors.ts";

const cursors = createCursors(Buffer.alloc(32, 7));

test("a cursor comes back as it was", () => {
  const sealed = cursors.seal("MTI", "alice jobs");
  expect(cursors.open(sealed, "alice jobs")).toBe("MTI");
  expect(cursors.seal("MTI", "alice jobs")).toBe(sealed);
});

test.each([
  ["somebody else", "bob jobs"],
  ["another list", "alice audit"],
])("a cursor is nothing to %s", (_who, holder) => {
  const sealed = cursors.seal("MTI", "alice jobs");
  expect(() => cursors.open(sealed, holder)).toThrow(expect.objectContaining({ code: "CURSOR_INVALID" }));
});

test("neighbours do not look alike", () => {
  const [one, two] = ["1000", "1001"].map((place) => cursors.seal(place, "alice jobs"));
  expect(one?.slice(0, 8)).not.toBe(two?.slice(0, 8));
  expect(one).not.toContain(Buffer.from("1000").toString("base64url"));
});

test.each(["", "MTI", "x".repeat(600), "%%%", "A".repeat(80)])("%j is no cursor", (text) => {
  expect(() => cursors.open(text, "alice jobs")).toThrow(expect.objectContaining({ code: "CURSOR_INVALID" }));
});

test("another installation's cursor is none", () => {
  const sealed = createCursors(Buffer.alloc(32, 8)).seal("MTI", "alice jobs");
  expect(() => cursors.open(sealed, "alice jobs")).toThrow(
    expect.objectContaining({ code: "CURSOR_INVALID" }),
  );
});
