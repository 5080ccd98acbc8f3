import fastify from "fastify";
import { expect, test } from "vitest";

import { denyUnlistedRoutes, tokenOf } from "./auth.ts";

test.each([
  ["Bearer abc", "abc"],
  ["bearer  abc ", "abc"],
  ["Scope-Probe token=abc", "abc"],
])("reads the token of %j", (header, token) => {
  expect(tokenOf(header)).toBe(token);
});

test.each([undefined, "", "Bearer", "Bearer a b", "Basic abc", "Scope-Probe abc"])(
  "finds no token in %j",
  (header) => {
    expect(() => tokenOf(header)).toThrow(expect.objectContaining({ code: "UNAUTHENTICATED" }));
  },
);

test("finds no token in a header longer than any token", () => {
  expect(() => tokenOf(`Bearer ${"x".repeat(9000)}`)).toThrow(/not Bearer/);
});

test("a route without a row in the table of operations does not come up", () => {
  const app = fastify({ exposeHeadRoutes: false });
  denyUnlistedRoutes(app);
  expect(() => app.get("/v1/secrets", () => "x")).toThrow(/GET \/v1\/secrets is not in the table/);
  expect(() => app.delete("/v1/jobs/:id", () => "x")).toThrow(/not in the table/);
  expect(() => app.get("/v1/jobs", () => "x")).not.toThrow();
});
