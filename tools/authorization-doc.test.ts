import { expect, test } from "vitest";

import { authorizationText, storedAuthorizationText } from "./authorization-doc.ts";

test("docs/authorization.md says what the tables say; node tools/authorization-doc.ts makes it anew", () => {
  expect(storedAuthorizationText()).toBe(authorizationText());
});
