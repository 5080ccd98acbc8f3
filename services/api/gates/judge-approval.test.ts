import { describe, expect, test } from "vitest";

import type { Grant } from "#common/domain/access.ts";

import { speaksFor } from "./judge-approval.ts";

const shop = { environment: "prod", workloads: ["shop:deployment/web"] };
const both = { environment: "prod", workloads: ["shop:deployment/web", "vault:deployment/secret"] };
const rule = { deadlineMs: 60_000 };
const person = { name: "ann", kind: "token", grants: [] as readonly Grant[], groups: [] } as const;

describe("who may speak for a rule", () => {
  test("by role is who has it for all that the job touches", () => {
    const ann = { ...person, grants: [{ role: "approver", scope: { namespaces: ["shop"] } }] } as const;
    expect(speaksFor(ann, { ...rule, role: "approver" }, shop)).toBe(true);
    expect(speaksFor(ann, { ...rule, role: "approver" }, both)).toBe(false);
    expect(speaksFor(ann, { ...rule, role: "approver" }, { ...shop, workloads: null })).toBe(false);
    expect(speaksFor(ann, { ...rule, role: "admin" }, shop)).toBe(false);
    expect(speaksFor(ann, { ...rule, role: "nobody" }, shop)).toBe(false);
  });

  test("by name is the token of that name, and no identity that calls itself so", () => {
    const named = { ...rule, tokens: ["ann"] };
    expect(speaksFor(person, named, shop)).toBe(true);
    expect(speaksFor({ ...person, kind: "oidc" }, named, shop)).toBe(false);
    expect(speaksFor({ ...person, name: "bob" }, named, shop)).toBe(false);
  });

  test("by group is who is in it, by whatever it came", () => {
    const group = { ...rule, group: "release-managers" };
    expect(speaksFor({ ...person, kind: "oidc", groups: ["release-managers"] }, group, shop)).toBe(true);
    expect(speaksFor({ ...person, groups: ["others"] }, group, shop)).toBe(false);
  });
});
