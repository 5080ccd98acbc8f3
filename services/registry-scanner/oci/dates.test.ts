import { expect, test } from "vitest";
import { usableDate } from "#common/domain/usable-date.ts";

import { retryAfterMs } from "./dates.ts";

test.each([
  ["2016-11-18T16:00:00Z", "2016-11-18T16:00:00.000Z"],
  ["2016-11-18T16:00:00.123456789Z", "2016-11-18T16:00:00.123Z"],
  ["2016-11-18T17:00:00+01:00", "2016-11-18T16:00:00.000Z"],
])("%s is a date", (text, expected) => {
  expect(usableDate(text)?.toISOString()).toBe(expected);
});

test.each([
  "0001-01-01T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "1970-01-01T00:00:01Z",
  "1980-01-01T00:00:01Z",
  "1979-12-31T23:59:59-00:01",
  "2016-13-45T99:00:00Z",
  "18 Nov 16",
  "2016",
  "",
  undefined,
  null,
  20161118,
  {},
])("%j is no date", (text) => {
  expect(usableDate(text)).toBeUndefined();
});

const now = new Date("2026-01-02T03:04:05Z");

test.each([
  ["120", 120_000],
  [" 0 ", 0],
  ["Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
  ["Fri, 02 Jan 2026 03:00:00 GMT", 0],
  ["999999999", 86_400_000],
])("Retry-After %s asks for %d ms", (header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});

test.each([undefined, "", "soon"])("Retry-After %j asks for nothing", (header) => {
  expect(retryAfterMs(header, now)).toBeUndefined();
});
