import { randomBytes } from "node:crypto";

import { ensureCursorKey } from "#common/store/installation.ts";
import { takeBudget } from "#common/store/rate-budgets.ts";

import type { ApiDeps, ApiParts } from "../deps.ts";
import { createBudgets } from "./budgets.ts";
import { createCursors } from "./cursors.ts";
import { createIdentities } from "./identities.ts";
import { createPrincipals } from "./principals.ts";
import { readIssuerKeys } from "./read-issuer.ts";

const keyBytes = 32;

/** Who asks, how much, and what they carry from page to page. */
export async function createGate(
  parts: ApiParts,
): Promise<Pick<ApiDeps, "principals" | "budgets" | "cursors">> {
  const { store, clock, log, settings } = parts;
  const identities = createIdentities({ settings: settings.oidc, readKeys: readIssuerKeys, clock, log });
  return {
    principals: createPrincipals({ store, clock, log, identities }),
    budgets: createBudgets({ ask: (ask) => takeBudget(store.db, ask), clock, log }),
    cursors: createCursors(await ensureCursorKey(store.db, randomBytes(keyBytes))),
  };
}
