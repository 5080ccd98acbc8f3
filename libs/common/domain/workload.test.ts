import { describe, expect, test } from "vitest";
import {
  formatWorkloadId,
  isLabelValue,
  isNamespaceName,
  isObjectName,
  kindLayout,
  matchesWorkload,
  parseWorkloadId,
  podSpecPath,
} from "./workload.ts";

const frontEnd = { namespace: "sock-shop", kind: "deployment", name: "front-end" };

test("an id is written as namespace:kind/name and read back", () => {
  expect(formatWorkloadId(frontEnd)).toBe("sock-shop:deployment/front-end");
  expect(parseWorkloadId(formatWorkloadId(frontEnd))).toEqual(frontEnd);
});

describe("reading what a person asks for", () => {
  test.each([
    ["sock-shop/front-end", { namespace: "sock-shop", name: "front-end" }],
    ["sock-shop/deployment/front-end", frontEnd],
    ["sock-shop:Deployment/front-end", frontEnd],
    ["sock-shop:deploy/front-end", frontEnd],
    ["sock-shop:helmrelease/x", { namespace: "sock-shop", kind: "helmrelease", name: "x" }],
    ["a:sts/b.c", { namespace: "a", kind: "statefulset", name: "b.c" }],
  ])("reads %s", (text, asked) => {
    expect(parseWorkloadId(text)).toEqual(asked);
  });

  test("a bare name needs a default namespace", () => {
    expect(() => parseWorkloadId("front-end")).toThrow("namespace:kind/name");
    expect(parseWorkloadId("front-end", { defaultNamespace: "sock-shop" })).toEqual({
      namespace: "sock-shop",
      name: "front-end",
    });
  });

  test.each([
    "",
    "/",
    "a/",
    "/b",
    "a:b",
    "a/b/c/d",
    "a:b/c/d",
    "a:b:c/d",
    "A/b",
    "a/B",
    "a/b_c",
    "-a/b",
    "a.b/c",
    "a:de-ploy/b",
    "a/b ",
    `${"n".repeat(64)}/b`,
    `a/${"n".repeat(254)}`,
    "a/b\n",
    "a:__proto__/b",
  ])("refuses %j", (text) => {
    expect(() => parseWorkloadId(text)).toThrow(expect.objectContaining({ code: "WORKLOAD_ID_INVALID" }));
  });
});

test("without a kind every workload of that name matches", () => {
  expect(matchesWorkload(frontEnd, parseWorkloadId("sock-shop/front-end"))).toBe(true);
  expect(matchesWorkload(frontEnd, parseWorkloadId("sock-shop:deployment/front-end"))).toBe(true);
  expect(matchesWorkload(frontEnd, parseWorkloadId("sock-shop:statefulset/front-end"))).toBe(false);
  expect(matchesWorkload(frontEnd, parseWorkloadId("other/front-end"))).toBe(false);
});

test("each kind knows where its pod spec is", () => {
  expect(podSpecPath("deployment")).toEqual(["spec", "template", "spec"]);
  expect(podSpecPath("CronJob")).toEqual(["spec", "jobTemplate", "spec", "template", "spec"]);
  expect(podSpecPath("pod")).toEqual(["spec"]);
  expect(podSpecPath("service")).toBeUndefined();
  expect(podSpecPath("constructor")).toBeUndefined();
  expect(kindLayout("pod")?.selector).toBeUndefined();
});

test("names follow the grammar of Kubernetes", () => {
  expect(isNamespaceName("a-1")).toBe(true);
  expect(isNamespaceName("a.b")).toBe(false);
  expect(isObjectName("a.b-c")).toBe(true);
  expect(isObjectName("a..b")).toBe(false);
  expect(isLabelValue("")).toBe(true);
  expect(isLabelValue("0.2.0_x-1")).toBe(true);
  expect(isLabelValue("1-")).toBe(false);
  expect(isLabelValue("v".repeat(64))).toBe(false);
});
