import { expect, test } from "vitest";

import type { Grant } from "#common/domain/access.ts";
import type { JobSpec } from "#common/store/schema.ts";

import { refuseOverrides } from "./refuse-overrides.ts";

const shop = { environment: "prod", workloads: ["shop:deployment/web"] };
const everywhere = { environment: "prod", workloads: null };
const adminOfShop: readonly Grant[] = [
  { role: "releaser", scope: {} },
  { role: "admin", scope: { namespaces: ["shop"] } },
];

function release(override: readonly string[], all = false): JobSpec {
  return { kind: "release", workloads: [], all, exclude: [], images: { select: "latest" }, override };
}

test("a right is used where its role reaches, not where the role of the request alone does", () => {
  const may = { name: "ann", grants: adminOfShop };
  expect(() => refuseOverrides(may, release(["freeze", "lock"]), shop)).not.toThrow();
  const both = { environment: "prod", workloads: ["shop:deployment/web", "vault:deployment/secret"] };
  for (const part of [both, everywhere, { ...shop, workloads: ["vault:deployment/secret"] }]) {
    expect(() => refuseOverrides(may, release(["freeze"]), part)).toThrow(
      expect.objectContaining({
        code: "OVERRIDE_FORBIDDEN",
        detail: '"freeze" needs the role admin for all that is asked for; "ann" is releaser and admin',
      }),
    );
  }
});

test("a right that is not meant for the request is refused to everybody", () => {
  const may = { name: "root", grants: [{ role: "admin", scope: {} }] as const };
  expect(() => refuseOverrides(may, release(["lock"], true), everywhere)).toThrow(
    expect.objectContaining({ code: "OVERRIDE_MEANINGLESS", hint: "name the workloads one by one" }),
  );
});
