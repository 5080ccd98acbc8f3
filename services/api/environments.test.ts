import { expect, test } from "vitest";

import { settings } from "#common/contracts/settings.ts";

import { refuseObserved, refuseUnseen, resolveEnvironment } from "./environments.ts";

function someSettings(...names: string[]) {
  const git = { url: "https://git.example.com/config.git" };
  return settings.parse({ environments: names.map((name) => ({ name, git, cluster: { inCluster: true } })) });
}

test("takes the only environment when none is named", () => {
  expect(resolveEnvironment(someSettings("shop"), undefined).name).toBe("shop");
  expect(resolveEnvironment(someSettings("shop", "test"), "test").name).toBe("test");
});

test("asks when several could be meant, and tells those that exist", () => {
  const several = someSettings("shop", "test");
  expect(() => resolveEnvironment(several, undefined)).toThrow(
    expect.objectContaining({ code: "ENVIRONMENT_AMBIGUOUS", facts: { environments: ["shop", "test"] } }),
  );
  expect(() => resolveEnvironment(several, "moon")).toThrow(
    expect.objectContaining({ code: "ENVIRONMENT_NOT_FOUND", facts: { environments: ["shop", "test"] } }),
  );
});

test("an environment is only looked at until it is told otherwise", () => {
  const shop = resolveEnvironment(someSettings("shop"), "shop");
  expect(() => refuseObserved(shop)).toThrow(expect.objectContaining({ code: "ENVIRONMENT_OBSERVED" }));
  expect(() => refuseObserved({ ...shop, mode: "apply" })).not.toThrow();
});

test("a namespace outside the settings' list is refused by name", () => {
  const shop = { name: "shop", namespaces: { allow: ["shop", "team-*"], deny: ["team-secret"] } };
  for (const namespace of ["shop", "team-web"]) expect(() => refuseUnseen(shop, namespace)).not.toThrow();
  for (const namespace of ["default", "team-secret"]) {
    expect(() => refuseUnseen(shop, namespace)).toThrow(
      expect.objectContaining({ code: "NAMESPACE_NOT_ALLOWED" }),
    );
  }
  expect(() => refuseUnseen({ name: "shop", namespaces: undefined }, "anything")).not.toThrow();
});
