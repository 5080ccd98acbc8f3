import { describe, expect, test } from "vitest";

import {
  effectivePolicies,
  explainPolicies,
  type PolicyRule,
  type PolicySubject,
} from "./effective-policy.ts";
import { readPolicies } from "./policy.ts";

const subject = (
  annotations: Readonly<Record<string, string>> = {},
  more: Partial<PolicySubject> = {},
): PolicySubject => ({
  id: { namespace: "team-a", kind: "deployment", name: "shop-api" },
  labels: { tier: "web" },
  containers: [{ name: "web" }, { name: "side" }],
  policies: readPolicies(
    Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`slipway.dev/${key}`, value])),
  ),
  ...more,
});

describe("a rule", () => {
  test.each([
    [undefined, true],
    [{ namespace: "team-*" }, true],
    [{ namespace: "team" }, false],
    [{ name: "*-api" }, true],
    [{ name: "*-web" }, false],
    [{ label: "tier=web" }, true],
    [{ label: "tier=web,!canary" }, true],
    [{ label: "tier=db" }, false],
    [{ namespace: "team-*", name: "*-web" }, false],
  ])("that names %j is about the workload: %s", (match, isAbout) => {
    const rule: PolicyRule = { ...(match && { match }), set: { group: "shop" } };
    expect(effectivePolicies([rule], subject()).group).toBe(isAbout ? "shop" : undefined);
  });

  test("after another goes before it, and a named container before all of them", () => {
    const rules: PolicyRule[] = [
      { set: { "tag.*": "semver:>=1", min_age: "1h" } },
      { set: { "tag.web": "glob:2.*" } },
    ];
    const { tags, minAgeMs } = effectivePolicies(rules, subject());
    expect(tags).toEqual({ web: "glob:2.*", side: "semver:>=1" });
    expect(minAgeMs).toBe(3_600_000);
    expect(
      effectivePolicies([{ set: { "tag.web": "a", "tag.*": "b", "tag.gone": "c" } }], subject()).tags,
    ).toEqual({
      web: "a",
      side: "b",
    });
  });

  test("leaves a workload as it is where it says nothing of it", () => {
    const one = subject({ automated: "true" });
    expect(effectivePolicies([{ match: { name: "other" }, set: { locked: "true" } }], one)).toBe(
      one.policies,
    );
  });
});

describe("a workload's annotation narrows what a rule says", () => {
  test.each([
    ["tag.web", "semver:>=1", "glob:*-alpine", { tags: { web: "semver:>=1 && glob:*-alpine" } }],
    ["tag.web", "semver:>=1", "semver:>=1", { tags: { web: "semver:>=1" } }],
    ["min_age", "2h", "30m", { minAgeMs: 7_200_000 }],
    ["min_age", "30m", "2h", { minAgeMs: 7_200_000 }],
    ["deadline", "10m", "1h", { deadlineMs: 600_000 }],
    ["platform", "linux/amd64", "linux/arm64", { platforms: ["linux/amd64", "linux/arm64"] }],
    ["allow_downgrade", "false", "true", { allowDowngrade: false }],
    ["allow_downgrade", "true", "false", { allowDowngrade: false }],
    ["automated", "true", "false", { automated: false }],
    ["automated", "false", "true", { automated: false }],
    ["locked", "true", "false", { locked: true }],
    ["pin_digest", "true", "false", { pinDigest: true }],
    ["auto_rollback", "false", "true", { autoRollback: true }],
    ["group", "shop", "web", { group: "web" }],
    ["hold", "audit", "false", { hold: "audit" }],
    ["hold", "audit", "broken", { hold: "broken" }],
    ["min_age", "2h", "soon", { minAgeMs: 7_200_000 }],
  ])("%s: %s with %s", (...[key, rule, own, expected]) => {
    expect(effectivePolicies([{ set: { [key]: rule } }], subject({ [key]: own }))).toMatchObject(expected);
  });
});

test("the source of each part is told, with what does not count and why", () => {
  const rules = [{ match: { namespace: "team-*" }, set: { min_age: "2h", allow_downgrade: "false" } }];
  const own = { min_age: "30m", allow_downgrade: "true", "tag.web": "regexp:1", deadline: "soon" };
  const { parts, faults, warnings } = explainPolicies(rules, subject(own));
  const rule = { kind: "rule", rule: 0, name: "policies[0] (namespace team-*)" };
  const note = "must not be wider than policies[0] (namespace team-*)";
  expect(parts).toEqual([
    { key: "min_age", value: "2h", source: rule, counts: true },
    {
      key: "min_age",
      value: "30m",
      source: { kind: "annotation", name: "slipway.dev/min_age" },
      counts: false,
      note,
    },
    { key: "allow_downgrade", value: "false", source: rule, counts: true },
    {
      key: "allow_downgrade",
      value: "true",
      source: { kind: "annotation", name: "slipway.dev/allow_downgrade" },
      counts: false,
      note,
    },
    {
      key: "deadline",
      value: "soon",
      source: { kind: "annotation", name: "slipway.dev/deadline" },
      counts: true,
    },
    {
      key: "tag.web",
      value: "regexp:1",
      source: { kind: "annotation", name: "slipway.dev/tag.web" },
      counts: true,
    },
  ]);
  expect(faults).toEqual(['deadline is a duration such as "90s" or "10m", at most a day']);
  expect(warnings[0]).toContain("in the middle of a tag");
});
