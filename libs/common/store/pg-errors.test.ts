import { expect, test } from "vitest";

import { SlipwayError } from "../domain/errors.ts";
import { isConnectionFailure, isLockTimeout, translatePgError, unavailable } from "./pg-errors.ts";

const coded = (code: string) => Object.assign(new Error(`error ${code}`), { code });

test.each([
  "08006",
  "57P01",
  "57P03",
  "25P03",
  "53300",
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "ENOTFOUND",
])("%s means that the connection is of no use", (code) => {
  expect(isConnectionFailure(coded(code))).toBe(true);
  expect(translatePgError(coded(code))).toMatchObject({ code: "STORE_UNAVAILABLE", cause: { code } });
});

test.each([
  "Connection terminated unexpectedly",
  "Query read timeout",
  "timeout exceeded when trying to connect",
  "Client has encountered a connection error and is not queryable",
])("the driver's %j means the same", (text) => {
  expect(isConnectionFailure(new Error(text))).toBe(true);
});

test.each(["40001", "40P01", "55P03", "57014"])("%s may succeed soon over the same connection", (code) => {
  expect(isConnectionFailure(coded(code))).toBe(false);
  expect(translatePgError(coded(code))).toMatchObject({ code: "STORE_UNAVAILABLE", next: "retry" });
});

test("an error about the statement itself stays what it is", () => {
  const duplicate = coded("23505");
  expect(translatePgError(duplicate)).toBe(duplicate);
  expect(isConnectionFailure(duplicate)).toBe(false);
  expect(translatePgError("text")).toBe("text");
});

test("an error of ours stays what it is", () => {
  const ours = new SlipwayError("LEASE_LOST");
  expect(translatePgError(ours)).toBe(ours);
});

test("a lock that was not given is known before and after translation", () => {
  expect(isLockTimeout(coded("55P03"))).toBe(true);
  expect(isLockTimeout(translatePgError(coded("55P03")))).toBe(true);
  expect(isLockTimeout(coded("40P01"))).toBe(false);
});

test("of several addresses that were tried the first one's error is told", () => {
  const error = unavailable(
    new AggregateError([new Error("connect ECONNREFUSED ::1:5432"), new Error("other")]),
  );
  expect(error.detail).toBe("connect ECONNREFUSED ::1:5432");
});
