import { expect, test } from "vitest";
import { policyDisagreements, policyFaults, prefixInUse, readPolicies } from "./policy.ts";
import { policyFault } from "./policy-values.ts";

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
  expect(read).toMatchObject({
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

test("reads what else a policy may say, and how it is written", () => {
  const read = readPolicies({
    "slipway.dev/min_age": "90m",
    "slipway.dev/platform": "linux/amd64, linux/arm64/v8",
    "slipway.dev/pin_digest": "true",
    "slipway.dev/allow_downgrade": "false",
    "slipway.dev/group": "shop",
    "slipway.dev/auto_rollback": "true",
    "fluxcd.io/deadline": "10m",
  });
  expect(read).toMatchObject({
    minAgeMs: 5_400_000,
    platforms: ["linux/amd64", "linux/arm64/v8"],
    pinDigest: true,
    allowDowngrade: false,
    group: "shop",
    autoRollback: true,
    deadlineMs: 600_000,
  });
  expect(read.written?.["deadline"]).toEqual({ annotation: "fluxcd.io/deadline", value: "10m" });
});

test.each([
  ["min_age", "soon"],
  ["min_age", "9999d"],
  ["platform", "amd64"],
  ["pin_digest", "yes"],
  ["group", "a b"],
  ["deadline", "0s"],
  ["deadline", "48h"],
  ["ignore", "sometimes"],
  ["tag.web", "regexp:(?=a)"],
])("%s: %s is refused when it is set, told when it is found, and means nothing", (key, value) => {
  expect(policyFault(key, value)).toContain(key);
  const annotation = `slipway.dev/${key}`;
  expect(policyFaults({ [annotation]: value })).toMatchObject([{ annotation }]);
  const { written: _, ...read } = readPolicies({ [annotation]: value });
  expect(read).toEqual({ ...readPolicies({}), tags: key === "tag.web" ? { web: value } : {} });
});

test.each([
  ["lokced", "did you mean locked?"],
  ["auto", undefined],
  ["min-age", "did you mean min_age?"],
  ["tags.web", "did you mean tag.web?"],
  ["platforms", "did you mean platform?"],
  ["tag", undefined],
  ["xyzzy", undefined],
])("%s is no policy, and %s", (key, hint) => {
  const fault = policyFault(key, "true") ?? "";
  expect(fault).toContain(`"${key}" is no policy`);
  if (hint === undefined) expect(fault).not.toContain("did you mean");
  else expect(fault).toContain(hint);
});
