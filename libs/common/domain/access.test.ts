import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  coversEnvironment,
  coversEverything,
  coversNamespace,
  coversWorkload,
  entersEnvironment,
  isWithin,
  reachOf,
  roles,
  scopeText,
} from "./access.ts";
import type { Grant, Scope } from "./access.ts";

const at = (workload: string, environment = "prod") => ({ environment, workload });

test("a role reaches where it is given, and seeing comes with every role", () => {
  const grants: Grant[] = [
    { role: "releaser", scope: { namespaces: ["shop"] } },
    { role: "approver", scope: { environments: ["prod"] } },
  ];
  expect(reachOf(grants, "releaser")).toEqual([{ namespaces: ["shop"] }]);
  expect(reachOf(grants, "viewer")).toHaveLength(2);
  expect(reachOf(grants, "admin")).toEqual([]);
  expect(reachOf([{ role: "admin", scope: {} }], "approver")).toEqual([{}]);
});

describe("a scope", () => {
  test.each<[Scope, string, boolean]>([
    [{}, "shop:deployment/web", true],
    [{ namespaces: ["shop"] }, "shop:deployment/web", true],
    [{ namespaces: ["shop"] }, "shop/web", true],
    [{ namespaces: ["shop"] }, "shopping:deployment/web", false],
    [{ namespaces: ["team-*"] }, "team-a:cronjob/night", true],
    [{ environments: ["test"] }, "shop:deployment/web", false],
    [{ environments: ["pro*"], namespaces: ["shop"] }, "shop:deployment/web", true],
    [{ workloads: ["shop/web"] }, "shop:statefulset/web", true],
    [{ workloads: ["shop:deploy/web"] }, "shop:deployment/web", true],
    [{ workloads: ["shop:deployment/web"] }, "shop:statefulset/web", false],
    [{ workloads: ["shop:deployment/web"] }, "shop/web", false],
    [{ workloads: ["shop/*"] }, "shop:deployment/web", true],
    [{ workloads: ["shop/*"], namespaces: ["other"] }, "shop:deployment/web", false],
    [{ workloads: ["*/web"] }, "a:deployment/web", true],
    [{ workloads: ["shop/web"] }, "shop/*", false],
    [{ namespaces: ["shop"] }, "not a workload", false],
  ])("%j covers %s: %s", (scope, workload, covers) => {
    expect(coversWorkload([scope], at(workload))).toBe(covers);
  });

  test("covers an environment only when it names no part of it", () => {
    expect(coversEnvironment([{ environments: ["prod"] }], "prod")).toBe(true);
    expect(coversEnvironment([{ environments: ["prod"], namespaces: ["*"] }], "prod")).toBe(false);
    expect(entersEnvironment([{ namespaces: ["shop"] }], "prod")).toBe(true);
    expect(entersEnvironment([{ environments: ["test"] }], "prod")).toBe(false);
    expect(coversEverything([{ environments: ["*"] }])).toBe(false);
    expect(coversEverything([{ namespaces: ["a"] }, {}])).toBe(true);
  });

  test("covers a namespace only when it names no workloads", () => {
    const namespace = { environment: "prod", namespace: "shop" };
    expect(coversNamespace([{ namespaces: ["shop"] }], namespace)).toBe(true);
    expect(coversNamespace([{ namespaces: ["shop"], workloads: ["shop/*"] }], namespace)).toBe(false);
  });

  test("reads as people say it", () => {
    expect(scopeText({})).toBe("everything");
    expect(scopeText({ environments: ["prod"], namespaces: ["a", "b"] })).toBe("prod; namespace a, b");
  });
});

describe("strength", () => {
  const admin = (scope: Scope): Grant[] => [{ role: "admin", scope }];

  test.each<[Grant, Grant[], boolean]>([
    [{ role: "viewer", scope: {} }, admin({}), true],
    [{ role: "viewer", scope: {} }, admin({ namespaces: ["shop"] }), false],
    [{ role: "viewer", scope: { namespaces: ["shop"] } }, admin({ namespaces: ["shop", "vault"] }), true],
    [{ role: "viewer", scope: { namespaces: ["shop", "x"] } }, admin({ namespaces: ["shop"] }), false],
    [{ role: "viewer", scope: { namespaces: ["team-a-*"] } }, admin({ namespaces: ["team-*"] }), true],
    [{ role: "viewer", scope: { namespaces: ["*"] } }, admin({ namespaces: ["team-*"] }), false],
    [{ role: "viewer", scope: { workloads: ["shop/web"] } }, admin({ namespaces: ["shop"] }), true],
    [{ role: "viewer", scope: { workloads: ["*/web"] } }, admin({ namespaces: ["shop"] }), false],
    [
      { role: "viewer", scope: { workloads: ["shop/web"] } },
      admin({ workloads: ["shop:deploy/web"] }),
      false,
    ],
    [{ role: "admin", scope: {} }, [{ role: "releaser", scope: {} }], false],
    [{ role: "releaser", scope: {} }, [{ role: "approver", scope: {} }], false],
  ])("%j within %j: %s", (inner, outer, within) => {
    expect(isWithin([inner], outer)).toBe(within);
  });

  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 2 });
  const word = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 2 });
  const list = <T>(one: fc.Arbitrary<T>) =>
    fc.option(fc.array(one, { minLength: 1, maxLength: 2 }), { nil: undefined });
  const scope: fc.Arbitrary<Scope> = fc.record({
    environments: list(pattern),
    namespaces: list(pattern),
    workloads: list(
      fc
        .tuple(pattern, fc.option(pattern), pattern)
        .map(([ns, kind, name]) => (kind === null ? `${ns}/${name}` : `${ns}:${kind}/${name}`)),
    ),
  });
  const place = fc.record({
    environment: word,
    workload: fc
      .tuple(word, fc.option(word), word)
      .map(([ns, kind, name]) => (kind === null ? `${ns}/${name}` : `${ns}:${kind}/${name}`)),
  });
  const grant = fc.record({ role: fc.constantFrom(...roles), scope });

  test("what lies within another reaches nothing that the other does not", () => {
    let met = 0;
    const property = fc.property(grant, fc.array(grant, { maxLength: 3 }), place, (inner, outer, where) => {
      if (!isWithin([inner], outer) || !coversWorkload([inner.scope], where)) return;
      met += 1;
      const reach = outer.map((one) => one.scope);
      expect(coversWorkload(reach, where)).toBe(true);
    });
    fc.assert(property, { numRuns: 20_000 });
    expect(met).toBeGreaterThan(10);
  });
});
