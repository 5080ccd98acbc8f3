import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";

function plain(header: string | string[] | undefined) {
  return parseChallenges(header).map((c) => [c.scheme, Object.fromEntries(c.parameters)]);
}

test("a bearer challenge yields realm, service and scope", () => {
  const header =
    'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push"';
  const parameters = {
    realm: "https://auth.example.com/token",
    service: "registry",
    scope: "repository:a/b:pull,push",
  };
  expect(plain(header)).toEqual([["bearer", parameters]]);
});

test("several challenges in one header or in several are all read", () => {
  const both = [
    ["basic", { realm: "x" }],
    ["bearer", { realm: "https://a/t" }],
  ];
  expect(plain('Basic realm="x", Bearer realm="https://a/t"')).toEqual(both);
  expect(plain(['Basic realm="x"', 'Bearer realm="https://a/t"'])).toEqual(both);
});

test("quoted strings may hold commas, equal signs and escaped quotes", () => {
  expect(plain('Basic realm="a, \\"b\\" = c", charset="UTF-8"')).toEqual([
    ["basic", { realm: 'a, "b" = c', charset: "UTF-8" }],
  ]);
});

test("names are compared without case, and spaces around the equal sign are allowed", () => {
  expect(plain("BEARER Realm = abc")).toEqual([["bearer", { realm: "abc" }]]);
});

test.each([undefined, "", ",,,", '"', "=", 'Bearer realm="never closed', "Bearer realm=", "\u0000\u0001"])(
  "junk %j never throws",
  (header) => {
    expect(() => parseChallenges(header)).not.toThrow();
  },
);

test("a header of any length is read in bounded work", () => {
  const challenges = parseChallenges(`Bearer ${'a="b",'.repeat(100_000)}`);
  expect(challenges.length).toBe(1);
});
