import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { z } from "zod";

import { settingsSchemaText } from "#common/contracts/settings-schema.ts";

const published = readFileSync(join(import.meta.dirname, "../docs/slipway.schema.json"), "utf8");

test("docs/slipway.schema.json is what `npm run generate` makes of the settings' schemas", () => {
  expect(published).toBe(settingsSchemaText());
});

test("the schema takes a settings file as people write it, and no misspelt or missing one", () => {
  const schema = z.fromJSONSchema(JSON.parse(published) as Parameters<typeof z.fromJSONSchema>[0]);
  const environment = {
    name: "default",
    cluster: { kubeconfig: "kubeconfig" },
    git: { url: "https://git.example.com/shop/config", tokenFile: "/run/secrets/git" },
    mode: "apply",
    rolloutDeadline: "10m",
  };
  const fits = (value: unknown): boolean => schema.safeParse(value).success;
  expect(fits({ environments: [environment], retention: { jobs: "90d" } })).toBe(true);
  expect(fits({ environments: [{ ...environment, mode: "applied" }] })).toBe(false);
  expect(fits({ environments: [{ ...environment, brunch: "main" }] })).toBe(false);
  expect(fits({ environments: [{ ...environment, rolloutDeadline: 600 }] })).toBe(false);
  expect(fits({ installation: "shop" })).toBe(false);
});
