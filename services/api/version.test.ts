import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { apiVersion } from "./version.ts";

test("the API tells the version of the package", () => {
  const file = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
  expect((JSON.parse(file) as { version: string }).version).toBe(apiVersion);
});
