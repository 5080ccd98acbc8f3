import { expect, test } from "vitest";

import { oidcSettings } from "#common/contracts/oidc-settings.ts";

import { giveByRules, valuesOf } from "./claim-rules.ts";

const settingsWith = (rules: unknown, more: object = {}) =>
  oidcSettings.parse({ issuer: "https://issuer.example.com", audience: "slipway", rules, ...more });

/** As GitHub Actions and GitLab tell who runs. */
const github = {
  sub: "repo:octo/shop:ref:refs/heads/main",
  repository: "octo/shop",
  repository_owner: "octo",
  ref: "refs/heads/main",
  environment: "production",
  event_name: "push",
};
const gitlab = {
  sub: "project_path:octo/team/shop:ref_type:branch:ref:main",
  project_path: "octo/team/shop",
  ref: "main",
  ref_protected: "true",
  project_id: 22,
};

test.each([
  ["by exact values", { repository: "octo/shop", ref: "refs/heads/main" }, github, true],
  ["by a pattern", { repository: "octo/*" }, github, true],
  ["by one of several", { ref: ["refs/heads/main", "refs/tags/v*"] }, github, true],
  ["not when one claim differs", { repository: "octo/shop", ref: "refs/heads/next" }, github, false],
  ["not when a claim is missing", { repository: "octo/shop", actor_id: "*" }, github, false],
  ["not by a beginning", { repository: "octo/sho" }, github, false],
  ["by a number", { project_id: "22" }, gitlab, true],
  ["on protected branches", { project_path: "octo/team/*", ref_protected: "true" }, gitlab, true],
  [
    "by a nested claim",
    { "realm_access.roles": "deployer" },
    { realm_access: { roles: ["a", "deployer"] } },
    true,
  ],
  [
    "by a claim whose name holds dots",
    { "https://example.com/team": "x" },
    { "https://example.com/team": "x" },
    true,
  ],
  ["not by what every object has", { constructor: "*" }, github, false],
  ["not by an object", { deep: "*" }, { deep: { a: 1 } }, false],
])("a rule fits %s", (...[, claims, token, fits]) => {
  const { grants } = giveByRules(settingsWith([{ claims, role: "releaser" }]), token);
  expect(grants).toHaveLength(fits ? 1 : 0);
});

test("every rule that fits adds its role, scope and groups", () => {
  const rules = [
    { claims: { sub: "*" }, role: "viewer" },
    { claims: { repository: "octo/shop" }, role: "releaser", namespaces: ["shop"], groups: ["shop"] },
    { claims: { repository: "octo/other" }, role: "admin" },
    { claims: { repository_owner: "octo" }, groups: ["octo"] },
  ];
  expect(giveByRules(settingsWith(rules), github)).toEqual({
    grants: [
      { role: "viewer", scope: {} },
      { role: "releaser", scope: { namespaces: ["shop"] } },
    ],
    groups: ["shop", "octo"],
  });
});

test("a claim of groups counts, within limits and without control characters", () => {
  const settings = settingsWith([{ claims: { sub: "*" }, role: "approver" }], { groupsClaim: "groups" });
  const groups = [
    "oncall",
    "a\u0000b",
    "x".repeat(2_000),
    ...Array.from({ length: 600 }, (_, at) => `g${at}`),
  ];
  const given = giveByRules(settings, { sub: "alice", groups });
  expect(given.groups.slice(0, 2)).toEqual(["oncall", "g0"]);
  expect(given.groups).toHaveLength(200);
  expect(valuesOf({ groups: "one" }, "groups")).toEqual(["one"]);
});

test.each([
  [[{ claims: {}, role: "viewer" }], "everybody"],
  [[{ claims: { sub: "*" } }], "role"],
  [[{ claims: { sub: "*" }, role: "owner" }], "role"],
  [[{ claims: { sub: "*" }, role: "viewer", namespaces: [] }], "namespaces"],
])("settings do not take %j", (rules, word) => {
  const parsed = oidcSettings.safeParse({ issuer: "https://i.example.com", audience: "a", rules });
  expect(JSON.stringify(parsed.error?.issues)).toContain(word);
});

test.each([
  ["http://issuer.example.com", false],
  ["https://issuer.example.com/realms/a", true],
  ["http://127.0.0.1:8080", true],
  ["http://127.evil.example.com", false],
  ["https://u:p@issuer.example.com", false],
  ["ftp://issuer.example.com", false],
])("an issuer at %s: %s", (issuer, allowed) => {
  const rules = [{ claims: { sub: "*" }, role: "viewer" }];
  expect(oidcSettings.safeParse({ issuer, audience: "a", rules }).success).toBe(allowed);
});

test("an algorithm with a shared secret cannot be allowed", () => {
  const settings = {
    issuer: "https://i.example.com",
    audience: "a",
    rules: [{ claims: { sub: "*" }, role: "viewer" }],
  };
  expect(oidcSettings.safeParse({ ...settings, algorithms: ["HS256"] }).success).toBe(false);
  expect(oidcSettings.safeParse({ ...settings, algorithms: ["none"] }).success).toBe(false);
  expect(oidcSettings.parse(settings).algorithms).toEqual(["RS256"]);
});
