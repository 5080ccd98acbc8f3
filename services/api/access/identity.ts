import type { z } from "zod";

import type { identity } from "#common/contracts/tokens.ts";

import type { Principal } from "./principal.ts";

/** Who somebody is, as the API answers it. */
export function toIdentity({ name, kind, grants, groups, expiresAt }: Principal): z.input<typeof identity> {
  return {
    name,
    kind,
    grants: grants.map(({ role, scope }) => ({ role, scope: structuredClone(scope) as object })),
    groups: [...groups],
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
