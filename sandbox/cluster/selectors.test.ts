import { describe, expect, test } from "vitest";

import type { KubeObject } from "./object.ts";
import { parseFieldSelector, parseLabelSelector, selectorMatches } from "./selectors.ts";

const pod = {
  kind: "Pod",
  metadata: { name: "web-1", namespace: "shop", labels: { app: "web", tier: "front" } },
  spec: { nodeName: "n1" },
} as unknown as KubeObject;

describe("a label selector", () => {
  test.each([
    ["", true],
    ["app=web", true],
    ["app==web,tier=front", true],
    ["app!=web", false],
    ["zone!=a", true],
    ["app in (web, api)", true],
    ["app notin (web,api)", false],
    ["tier", true],
    ["!tier", false],
    ["app in (web),!zone", true],
  ])("%j answers %s", (text, expected) => {
    expect(parseLabelSelector(text)(pod)).toBe(expected);
  });

  test("that does not parse is a bad request", () => {
    expect(() => parseLabelSelector("a===")).toThrow(expect.objectContaining({ code: 400 }));
  });
});

describe("a field selector", () => {
  test.each([
    ["metadata.name=web-1", true],
    ["spec.nodeName!=", true],
    ["spec.nodeName=", false],
    ["metadata.namespace==shop,spec.nodeName=n2", false],
  ])("%j answers %s", (text, expected) => {
    expect(parseFieldSelector("Pod", text)(pod)).toBe(expected);
  });

  test("of an unknown field is a bad request", () => {
    expect(() => parseFieldSelector("Deployment", "spec.replicas=1")).toThrow(
      '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
  });
});

test("a workload's selector may have expressions", () => {
  const expression = (operator: string, values?: string[]) => ({
    matchLabels: { app: "web" },
    matchExpressions: [{ key: "tier", operator, ...(values && { values }) }],
  });
  const labels = { app: "web", tier: "front" };
  expect(selectorMatches(expression("In", ["front"]), labels)).toBe(true);
  expect(selectorMatches(expression("NotIn", ["front"]), labels)).toBe(false);
  expect(selectorMatches(expression("Exists"), labels)).toBe(true);
  expect(selectorMatches(expression("DoesNotExist"), labels)).toBe(false);
});
