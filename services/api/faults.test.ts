import { expect, test } from "vitest";

import { releaseRequest } from "#common/contracts/requests.ts";

import { invalidRequest } from "./faults.ts";

function faultsOf(body: unknown): unknown {
  const result = releaseRequest.safeParse(body);
  if (result.success) throw new Error("it fits");
  return invalidRequest("body", result.error.issues).facts?.["faults"];
}

test("names each unknown key and each wrong value by its path", () => {
  expect(faultsOf({ workloads: ["a/b", 7], images: "latest", a: 1, b: 2 })).toEqual([
    expect.stringMatching(/^workloads\[1\]: /),
    "a: unknown key",
    "b: unknown key",
  ]);
});

test("tells of a choice of forms the faults of the one that fits best", () => {
  expect(faultsOf({ all: true, images: { exact: [7], colour: "red" } })).toEqual([
    expect.stringMatching(/^images\.exact\[0\]: /),
    "images.colour: unknown key",
  ]);
  expect(faultsOf({ all: true, images: 7 })).toEqual(["images: has none of the forms that are allowed here"]);
  expect(faultsOf({ all: true })).toEqual(["images: has none of the forms that are allowed here"]);
});

test("says where a body is missing, and which part of the request is meant", () => {
  expect(faultsOf(undefined)).toEqual([expect.stringMatching(/^the body: /)]);
  const issues = [{ code: "custom", path: ["limit"], message: "too much", input: 1 }] as const;
  expect(invalidRequest("querystring", issues as never).detail).toBe("querystring limit: too much");
});
