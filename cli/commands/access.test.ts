import { expect, test } from "vitest";

import type { AuditEntry } from "#common/contracts/audit.ts";
import type { Token } from "#common/contracts/tokens.ts";

import { problem } from "../testing/fake-api.ts";
import { createTyped } from "../testing/typed.ts";

const typed = createTyped();

const ci: Token = {
  id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11",
  name: "ci",
  role: "releaser",
  scope: { namespaces: ["shop"] },
  groups: [],
  ending: "x9Qz",
  state: "active",
  createdBy: "admin",
  createdAt: "2026-11-23T16:00:00.000Z",
  expiresAt: "2027-02-21T16:00:00.000Z",
  lastUsedAt: "2026-11-24T09:30:00.000Z",
  revokedAt: null,
  revokedBy: null,
};
const secret = "slw_0123456789abcdefghijABCDEFGHIJ0123456789abcdef";

const entry: AuditEntry = {
  id: "7",
  at: "2026-11-23T16:40:02.000Z",
  principal: "ci",
  principalId: ci.id,
  operation: "createRelease",
  environment: "default",
  job: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11",
  workloads: ["shop:deployment/web"],
  outcome: "accepted",
  reason: "hotfix\u001b[31m",
  address: "192.0.2.7",
  requestId: "r1",
  before: null,
  after: { images: { exact: ["web:2"] } },
  detail: {},
};

test("token create prints the token alone on stdout, and what it may do beside it", async () => {
  const { code, out, err, server } = await typed(
    ["token", "create", "ci", "--role", "releaser", "-n", "shop", "--groups", "oncall", "--expires", "12h"],
    { createToken: () => ({ status: 201, json: { ...ci, secret } }) },
  );
  expect([code, out]).toEqual([0, secret]);
  expect(err).toBe(
    "Token ci (0c1d8e11): releaser of namespace shop, until 2027-02-21 16:00 UTC. It is shown this once.",
  );
  expect(server.of("createToken")[0]?.body).toEqual({
    name: "ci",
    role: "releaser",
    scope: { namespaces: ["shop"] },
    groups: ["oncall"],
    expiresIn: "12h",
  });
});

test("token create needs a role, and a duration that is one", async () => {
  expect((await typed(["token", "create", "ci"])).code).toBe(2);
  const odd = await typed(["token", "create", "ci", "--role", "viewer", "--expires", "soon"]);
  expect([odd.code, odd.err]).toEqual([2, expect.stringContaining("12h or 90d, or never")]);
});

test("token list shows who was given what", async () => {
  const routes = { listTokens: () => ({ json: { tokens: [ci], next: null } }) };
  const { out } = await typed(["token", "list"], routes);
  expect(out.split("\n")).toEqual([
    "ID        NAME  ROLE      SCOPE           ENDS IN  LAST USED         STATE",
    "0c1d8e11  ci    releaser  namespace shop  …x9Qz    2026-11-24 09:30  active until 2027-02-21",
  ]);
  expect((await typed(["token", "list", "-o", "name"], routes)).out).toBe(ci.id);
});

test("token revoke takes a name, and asks which when several have it", async () => {
  const other = { ...ci, id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e12" };
  const revokeToken = () => ({ json: { ...ci, state: "revoked" as const, descendants: 2 } });
  const one = await typed(["token", "revoke", "ci"], {
    listTokens: () => ({ json: { tokens: [ci], next: null } }),
    revokeToken,
  });
  expect([one.code, one.out]).toEqual([0, "Revoked ci (0c1d8e11) and 2 that it had made."]);
  const two = await typed(["token", "revoke", "ci"], {
    listTokens: () => ({ json: { tokens: [ci, other], next: null } }),
    revokeToken,
  });
  expect([two.code, two.err]).toEqual([2, expect.stringContaining("0c1d8e12 (releaser)")]);
  expect(two.server.of("revokeToken")).toHaveLength(0);
});

test("token revoke asks a person first", async () => {
  const routes = { listTokens: () => ({ json: { tokens: [ci], next: null } }) };
  const no = await typed(["token", "revoke", "ci"], routes, { interactive: true, answers: ["n"] });
  expect([no.code, no.questions]).toEqual([5, ["Revoke ci (0c1d8e11)? [y/N] "]]);
  expect(no.server.of("revokeToken")).toHaveLength(0);
});

test("audit shows who did what and why, and nothing that steers a terminal", async () => {
  const listAudit = () => ({ json: { entries: [entry], next: null } });
  const { out, server } = await typed(["audit", "--by", "ci", "-l", "5"], { listAudit });
  expect(out.split("\n")[1]).toBe(
    "2026-11-23 16:40:02  ci   createRelease  default shop/web  0c1d8e11  accepted  hotfix\\u{1b}[31m",
  );
  const { query } = server.of("listAudit")[0] ?? {};
  expect([query?.get("principal"), query?.get("limit")]).toEqual(["ci", "5"]);
});

test("audit follows pages, and exports lines as they come", async () => {
  const pages = await typed(["audit", "-l", "0", "-o", "name"], {
    listAudit: ({ query }) => ({
      json: { entries: [entry], next: query.get("cursor") === null ? "more" : null },
    }),
  });
  expect(pages.out).toBe("7\n7");
  const lines = [entry, { ...entry, id: "8" }].map((one) => JSON.stringify(one)).join("\n");
  const raw = { raw: `${lines}\n`, status: 200, type: "application/x-ndjson" };
  const exported = await typed(["audit", "--export"], { listAudit: () => raw });
  expect(exported.out).toBe(lines);
  expect(exported.server.of("listAudit")[0]?.query.get("format")).toBe("jsonl");
});

test("who is no admin is told so", async () => {
  const refused = () =>
    problem(403, "FORBIDDEN", { detail: 'listAudit needs the role admin; "ci" is releaser' });
  const { code, err } = await typed(["audit"], { listAudit: refused });
  expect([code, err]).toEqual([6, expect.stringContaining("needs the role admin")]);
});
