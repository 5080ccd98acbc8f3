import { expect, test } from "vitest";

import { policyRules } from "./policy-settings.ts";

test("rules are read, with what YAML makes of values as text", () => {
  const rules = policyRules.parse([
    { set: { automated: true, min_age: "10m" } },
    { match: { namespace: "team-*", label: "tier=web" }, set: { "tag.*": "semver:>=1" } },
  ]);
  expect(rules[0]?.set).toEqual({ automated: "true", min_age: "10m" });
  expect(rules[1]?.match?.namespace).toBe("team-*");
});

test.each([
  [{ set: { automatd: true } }, "did you mean automated?"],
  [{ set: { "tag.*": "semver:nonsense" } }, "tag.*: "],
  [{ set: { min_age: 10 } }, "min_age is a duration"],
  [{ set: { locked_user: "ada" } }, "belongs to the lock of one workload"],
  [{ match: { namespace: "team/{a}" }, set: {} }, "a name or a pattern"],
  [{ match: { label: "tier=web=1" }, set: {} }, "a label selector"],
  [{ match: { names: "x" }, set: {} }, "names"],
])("%j is refused: %s", (rule, why) => {
  const read = policyRules.safeParse([rule]);
  expect(read.success).toBe(false);
  expect(JSON.stringify(read.error?.issues)).toContain(why);
});
