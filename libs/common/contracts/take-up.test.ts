import { expect, test } from "vitest";

import { settings as schema } from "./settings.ts";
import { takeUp } from "./take-up.ts";

const environment = {
  name: "shop",
  cluster: { kubeconfig: "a" },
  git: { url: "https://git.example.com/shop/config" },
};
const parsed = (more: object = {}, own: object = {}) =>
  schema.parse({ environments: [{ ...environment, ...own }], ...more });

test("mode, deadlines and retention are taken up, and what is left out goes back to its default", () => {
  const running = parsed({ retention: { jobs: "40d" } }, { mode: "apply", rolloutDeadline: "5m" });
  const { settings, waiting } = takeUp(running, parsed({ auditRetentionDays: 90 }, { mode: "hand-off" }));
  expect(settings).toMatchObject({
    auditRetentionDays: 90,
    environments: [{ mode: "hand-off", rolloutDeadline: 600_000 }],
  });
  expect(settings.retention).toBeUndefined();
  expect(waiting).toEqual([]);
});

test("what a process was built on stays as it was, and is named", () => {
  const running = parsed();
  const next = schema.parse({
    installation: "other",
    registries: [{ host: "registry.example.com" }],
    environments: [
      { ...environment, cluster: { kubeconfig: "b" }, git: { ...environment.git, branch: "next" } },
      { ...environment, name: "bank", git: { url: "https://git.example.com/bank/config" } },
    ],
  });
  const { settings, waiting } = takeUp(running, next);
  expect(JSON.stringify(settings)).toBe(JSON.stringify(running));
  expect(waiting).toEqual([
    "cluster of environment shop",
    "git.branch of environment shop",
    "environment bank is new",
    "installation",
    "registries",
  ]);
});

test("an environment that is gone stays until the process is started anew", () => {
  const two = schema.parse({
    environments: [environment, { ...environment, name: "bank", git: { url: "https://g.example.com/b" } }],
  });
  const { settings, waiting } = takeUp(two, parsed());
  expect(settings.environments.map(({ name }) => name)).toEqual(["shop", "bank"]);
  expect(waiting).toEqual(["environment bank is gone"]);
});
