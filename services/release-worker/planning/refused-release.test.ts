import { expect, test } from "vitest";

import type { ContainerResult } from "#common/contracts/http.ts";
import type { JobSpec } from "#common/store/schema.ts";
import { refusalOfRelease } from "./refused-release.ts";

type Release = Extract<JobSpec, { kind: "release" }>;

function aRelease(o: Partial<Release> = {}): Release {
  const images = { exact: ["example/web:2.0.0"] };
  return { kind: "release", workloads: ["shop/web"], all: false, exclude: [], override: [], images, ...o };
}

function aSkip(reason: string, o: Partial<ContainerResult> = {}): ContainerResult {
  const where = { workload: "shop:deployment/web", container: "web", file: "deploy/web.yaml" };
  return { ...where, from: "example/web:1.0.0", to: null, result: "skip", reason, detail: null, ...o };
}

test("an exact image that reaches no named workload is refused, with the reason of each container", () => {
  const results = [
    aSkip("locked", { detail: "maintenance" }),
    aSkip("not-declared", { workload: "shop/cart", container: "", detail: null }),
  ];
  expect(refusalOfRelease(aRelease(), results)).toMatchObject({
    code: "RELEASE_REFUSED",
    next: "stop",
    detail: "shop/web web: locked (maintenance); shop/cart: not-declared",
  });
});

test.each([
  ["manifest-broken"],
  ["declared-twice"],
  ["ignored"],
  ["not-editable"],
  ["not-in-cluster"],
  ["no-eligible-image"],
  ["no-image-data"],
  ["no-runnable-image"],
  ["immutable-kind"],
])("%s alone refuses it", (reason) => {
  expect(refusalOfRelease(aRelease(), [aSkip(reason)])?.detail).toBe(`shop/web web: ${reason}`);
});

test("a container that has the image already is what was asked for, whatever became of the others", () => {
  expect(refusalOfRelease(aRelease(), [aSkip("up-to-date")])).toBeUndefined();
  expect(refusalOfRelease(aRelease(), [aSkip("locked"), aSkip("up-to-date")])).toBeUndefined();
});

test("where everything was excluded by whoever asked, nothing is refused", () => {
  expect(refusalOfRelease(aRelease({ exclude: ["shop/web"] }), [])).toBeUndefined();
});

test("the newest images, all workloads and other kinds of jobs ask for what is possible", () => {
  const results = [aSkip("locked")];
  expect(refusalOfRelease(aRelease({ images: { select: "latest" } }), results)).toBeUndefined();
  expect(refusalOfRelease(aRelease({ workloads: [], all: true }), results)).toBeUndefined();
  expect(refusalOfRelease({ kind: "rollback", of: "a", override: [] }, results)).toBeUndefined();
});

test("of many refused containers ten are told, and how many more there are", () => {
  const results = Array.from({ length: 12 }, (_, index) => aSkip("locked", { container: `c${index}` }));
  const detail = refusalOfRelease(aRelease(), results)?.detail ?? "";
  expect(detail).toContain("shop/web c9: locked; and 2 more");
  expect(detail).not.toContain("c10");
});
