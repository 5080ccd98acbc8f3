import { describe, expect, test } from "vitest";

import { releaseRequest } from "#common/contracts/requests.ts";
import type { Plan } from "#common/contracts/http.ts";
import type { Identity } from "#common/contracts/tokens.ts";
import type { Role, Scope } from "#common/domain/access.ts";

import { aResult } from "../testing/seed.ts";
import { diffLines } from "./diff-lines.ts";
import { mayDo, rolesText } from "./rights.ts";
import { byFile, freezesFor, latestChoice, planBody, possibleOverrides, releaseBody } from "./release.ts";

const plan: Plan = {
  dryRun: true,
  environment: "default",
  base: "9c1e2f4",
  headline: "Release latest images",
  hash: "h",
  results: [
    aResult(),
    aResult({ workload: "sock-shop:deployment/cart", container: "cart", file: "deploy/cart.yaml" }),
    aResult({ container: "logs", result: "skip", reason: "locked", to: null }),
  ],
  diffs: [],
};
const asked = { environment: "default", override: [] };

describe("a release", () => {
  test("asks for exactly what was seen, container by container", () => {
    const body = releaseBody(plan, { ...asked, message: "  why ", excluded: new Set() });
    expect(body).toEqual({
      environment: "default",
      message: "why",
      images: {
        containers: [
          {
            workload: "sock-shop:deployment/front-end",
            container: "front-end",
            from: "example/front-end:0.2.0",
            image: "example/front-end:0.3.0",
          },
          {
            workload: "sock-shop:deployment/cart",
            container: "cart",
            from: "example/front-end:0.2.0",
            image: "example/front-end:0.3.0",
          },
        ],
      },
    });
    expect(releaseRequest.safeParse(body).success).toBe(true);
  });

  test("leaves out what was taken out of the plan", () => {
    const excluded = new Set(["sock-shop:deployment/cart"]);
    const body = releaseBody(plan, { ...asked, message: "", excluded });
    expect(JSON.stringify(body)).not.toContain("cart");
  });

  test("is planned by what was chosen", () => {
    const latest = planBody(latestChoice(["a:deployment/b"]), asked);
    const one = { workload: "a:deployment/b", container: "b", image: "b:1" };
    const exact = planBody({ kind: "exact", containers: [one] }, { ...asked, override: ["lock"] });
    expect(latest).toMatchObject({ workloads: ["a:deployment/b"], images: "latest" });
    expect(exact).toMatchObject({ images: { containers: [one] }, override: ["lock"] });
    for (const body of [latest, exact]) expect(releaseRequest.safeParse(body).success).toBe(true);
  });

  test("is grouped by the file it changes", () => {
    expect(byFile(plan).map(([file, changes]) => [file, changes.length])).toEqual([
      ["deploy/front-end.yaml", 1],
      ["deploy/cart.yaml", 1],
    ]);
  });

  test("tells of the freezes that it would wait for, and of no others", () => {
    const freeze = (namespace: string | null) => ({
      environment: "default",
      namespace,
      reason: "stocktaking",
      by: "alice",
      since: "2026-11-23T16:00:00Z",
      until: null,
    });
    const [shop, all, other] = [freeze("sock-shop"), freeze(null), freeze("payment")];
    expect(freezesFor(plan.results, [shop, all, other])).toEqual([shop, all]);
  });

  test("offers the rights that could lift what stops it", () => {
    expect(possibleOverrides(plan, undefined)).toEqual(["lock"]);
    expect(possibleOverrides(undefined, "WORKLOAD_LOCKED")).toEqual(["lock"]);
    expect(possibleOverrides(undefined, "GIT_UNAVAILABLE")).toEqual([]);
  });
});

test("a diff is its hunks, with the lines' numbers on both sides", () => {
  const unified =
    "Index: a\n===\n--- a\n+++ a\n@@ -3,3 +3,4 @@\n same\n-old\n+new\n+more\n\\ No newline at end of file\n";
  expect(diffLines(unified).map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
    ["hunk", "@@ -3,3 +3,4 @@", undefined, undefined],
    ["same", "same", 3, 3],
    ["remove", "old", 4, undefined],
    ["add", "new", undefined, 4],
    ["add", "more", undefined, 5],
    ["hunk", "\\ No newline at end of file", undefined, undefined],
  ]);
  expect(diffLines("")).toEqual([]);
});

test("what a role may not do is not offered", () => {
  const as = (role: Role, scope: Scope = {}): Identity => ({
    name: "somebody",
    kind: "token",
    grants: [{ role, scope: scope as Identity["grants"][number]["scope"] }],
    groups: [],
    expiresAt: null,
  });
  expect(mayDo(undefined, "listWorkloads")).toBe(false);
  expect(mayDo(as("viewer"), "createRelease")).toBe(false);
  expect(mayDo(as("releaser"), "createRelease")).toBe(true);
  expect(mayDo(as("releaser"), "setFreeze")).toBe(false);
  expect(mayDo(as("admin"), "setFreeze")).toBe(true);
  const shop = as("releaser", { environments: ["default"], namespaces: ["shop"] });
  const about = (workload: string) => ({ environment: "default", workload });
  expect(mayDo(shop, "createRelease", about("shop:deployment/web"))).toBe(true);
  expect(mayDo(shop, "createRelease", about("other:deployment/web"))).toBe(false);
  expect(mayDo(shop, "createRelease", { environment: "production" })).toBe(false);
  const approver = as("approver", { namespaces: ["shop"] });
  expect(mayDo(approver, "setFreeze", { environment: "default" })).toBe(false);
  expect(rolesText(shop)).toBe("releaser");
});
