import { expect, test } from "vitest";

import { createBatchReader } from "./batch-reader.ts";

const oid = (digit: string) => digit.repeat(40);
const limitBytes = 10;

function read(text: string | Buffer, pieceBytes: number) {
  const reader = createBatchReader(limitBytes);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.take(bytes.subarray(at, at + pieceBytes));
  return reader.finish();
}

const output = [
  `${oid("1")} blob 5\nab\nc\n\n`,
  `${oid("2")} missing\n`,
  `${oid("3")} blob 11\n01234567890\n`,
  `${oid("4")} blob 0\n\n`,
  `${oid("5")} tree 4\nxxxx\n`,
  `${oid("6")} blob 10\n0123456789\n`,
].join("");

test.each([1, 2, 7, 41, 10_000])("output in pieces of %i bytes is read the same", (pieceBytes) => {
  const { blobs, tooLarge, missing, broken } = read(output, pieceBytes);
  expect([...blobs].map(([id, bytes]) => [id, bytes.toString()])).toEqual([
    [oid("1"), "ab\nc\n"],
    [oid("4"), ""],
    [oid("6"), "0123456789"],
  ]);
  expect(tooLarge).toEqual([oid("3")]);
  expect(missing).toEqual([oid("2"), oid("5")]);
  expect(broken).toBe(false);
});

test("bytes that are no text survive", () => {
  const bytes = Buffer.from([0, 255, 10, 128]);
  const { blobs } = read(Buffer.concat([Buffer.from(`${oid("1")} blob 4\n`), bytes, Buffer.from("\n")]), 3);
  expect(blobs.get(oid("1"))).toEqual(bytes);
});

test.each([`${oid("1")} blob 5\nab`, `${oid("1")} bl`, "fatal: nonsense\n", "x".repeat(1000)])(
  "%j is broken output",
  (text) => {
    expect(read(text, 50).broken).toBe(true);
  },
);
