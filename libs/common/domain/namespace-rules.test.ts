import { describe, expect, test } from "vitest";

import { isNamespaceSeen, namedNamespaces } from "./namespace-rules.ts";

describe("a namespace is seen", () => {
  test.each([
    [undefined, "shop", true],
    [{}, "shop", true],
    [{ allow: ["shop"] }, "shop", true],
    [{ allow: ["shop"] }, "shop-2", false],
    [{ allow: ["shop"] }, "a-shop", false],
    [{ allow: ["team-*"] }, "team-a", true],
    [{ allow: ["team-*"] }, "team-", true],
    [{ allow: ["team-*"] }, "my-team-a", false],
    [{ allow: ["*-prod"] }, "web-prod", true],
    [{ allow: ["*-prod"] }, "web-prod-2", false],
    [{ allow: ["a*b*c"] }, "abc", true],
    [{ allow: ["a*b*c"] }, "axxbyyc", true],
    [{ allow: ["a*b*c"] }, "ac", false],
    [{ allow: ["a*b*b"] }, "ab", false],
    [{ allow: ["ab*ba"] }, "aba", false],
    [{ allow: ["*"] }, "shop", true],
    [{ deny: ["kube-*"] }, "kube-system", false],
    [{ deny: ["kube-*"] }, "shop", true],
    [{ allow: ["team-*"], deny: ["*-secret"] }, "team-secret", false],
    [{ allow: ["team-*"], deny: ["*-secret"] }, "team-open", true],
  ])("by %j: %s is %s", (rules, namespace, seen) => {
    expect(isNamespaceSeen(rules, namespace)).toBe(seen);
  });

  test("many stars take no longer than few", () => {
    const allow = [`${"a*".repeat(31)}b`];
    expect(isNamespaceSeen({ allow }, "a".repeat(63))).toBe(false);
  });
});

describe("the namespaces are known by name", () => {
  test.each([
    [undefined, undefined],
    [{ deny: ["kube-*"] }, undefined],
    [{ allow: ["shop", "team-*"] }, undefined],
    [{ allow: ["shop", "web", "shop"] }, ["shop", "web"]],
    [{ allow: ["shop", "web"], deny: ["w*"] }, ["shop"]],
  ])("by %j: %j", (rules, names) => {
    expect(namedNamespaces(rules)).toEqual(names);
  });
});
