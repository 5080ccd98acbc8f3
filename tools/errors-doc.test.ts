import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { errorsDoc } from "./errors-doc.ts";

test("docs/errors.md is what `npm run generate` makes of the catalogue", () => {
  expect(readFileSync(join(import.meta.dirname, "../docs/errors.md"), "utf8")).toBe(errorsDoc());
});
