import { expect, test } from "vitest";
import { policyDisagreements, prefixInUse, readPolicies } from "./policy.ts";

test("without annotations nothing is asked for", () => {
  expect(readPolicies({})).toEqual({ automated: false, locked: false, ignore: false, tags: {} });
});

test.each(["slipway.dev", "fluxcd.io", "flux.weave.works"])("reads every key under %s", (prefix) => {
  const read = readPolicies({
    [`${prefix}/automated`]: "true",
    [`${prefix}/locked`]: "true",
    [`${prefix}/locked_msg`]: "do not touch",
    [`${prefix}/locked_user`]: "ada",
    [`${prefix}/ignore`]: "true",
    [`${prefix}/tag.web`]: "glob:1.*",
    [`filter.${prefix}/side.car`]: "semver:~1",
  });
  expect(read).toEqual({
    automated: true,
    locked: true,
    lockedMessage: "do not touch",
    lockedBy: "ada",
    ignore: true,
    tags: { web: "glob:1.*", "side.car": "semver:~1" },
  });
});

test("a hold carries its reason", () => {
  expect(readPolicies({ "slipway.dev/hold": "broke in staging" }).hold).toBe("broke in staging");
  expect(readPolicies({ "slipway.dev/hold": "" }).hold).toBeUndefined();
});

test("only the text true turns something on", () => {
  expect(readPolicies({ "fluxcd.io/automated": "yes", "fluxcd.io/locked": "True" })).toMatchObject({
    automated: false,
    locked: false,
  });
});

test("the stronger prefix counts, whatever the order, and may take something back", () => {
  const annotations = {
    "flux.weave.works/automated": "true",
    "slipway.dev/automated": "false",
    "fluxcd.io/tag.web": "1.*",
    "slipway.dev/tag.web": "2.*",
    "fluxcd.io/locked": "true",
  };
  expect(readPolicies(annotations)).toMatchObject({ automated: false, locked: true, tags: { web: "2.*" } });
  expect(policyDisagreements(annotations)).toEqual(["automated", "tag.web"]);
  expect(policyDisagreements({ "fluxcd.io/locked": "true", "slipway.dev/locked": "true" })).toEqual([]);
});

test("names the prefix in use", () => {
  expect(prefixInUse({ "fluxcd.io/automated": "true", "flux.weave.works/locked": "true" })).toBe("fluxcd.io");
  expect(prefixInUse({ "filter.fluxcd.io/web": "*" })).toBe("fluxcd.io");
  expect(prefixInUse({ "example.com/automated": "true" })).toBeUndefined();
});

test("passes over keys it does not know and names that only look alike", () => {
  expect(
    readPolicies({ "fluxcd.io/other": "x", "notfluxcd.io/automated": "true", "fluxcd.io/tag.": "x" }),
  ).toEqual(readPolicies({}));
  expect(readPolicies({ "fluxcd.io/tag.__proto__": "x" }).tags).toEqual(
    Object.fromEntries([["__proto__", "x"]]),
  );
});
