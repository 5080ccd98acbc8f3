import { z } from "zod";

import { groups, role, scope } from "./access.ts";

/** Tokens, and who somebody is, as the API asks and answers. */

const instant = z.iso.datetime({ offset: true });

export const grant = z.strictObject({ role, scope }).meta({ id: "Grant" });

export const identity = z
  .strictObject({
    name: z.string(),
    kind: z.enum(["token", "oidc"]),
    grants: z.array(grant).meta({ description: "What may be done where; they add up." }),
    groups: z.array(z.string()),
    expiresAt: instant.nullable().meta({ description: "Null: until it is revoked." }),
  })
  .meta({ id: "Identity" });

const tokenFields = {
  id: z.string(),
  name: z.string(),
  role,
  scope,
  groups: z.array(z.string()),
  ending: z.string().meta({ description: "Its last characters, to tell it by sight." }),
  state: z.enum(["active", "expired", "revoked"]),
  createdBy: z.string().nullable(),
  createdAt: instant,
  expiresAt: instant.nullable().meta({ description: "Null: until it is revoked." }),
  lastUsedAt: instant.nullable().meta({ description: "To the minute." }),
  revokedAt: instant.nullable(),
  revokedBy: z.string().nullable(),
};

export const token = z.strictObject(tokenFields).meta({ id: "Token" });

export const createdToken = z
  .strictObject({
    ...tokenFields,
    secret: z.string().meta({ description: "The token itself, shown this once: only its hash is kept." }),
  })
  .meta({ id: "CreatedToken" });

export const revokedToken = z
  .strictObject({
    ...tokenFields,
    descendants: z.int().meta({ description: "How many tokens that it had made ended with it." }),
  })
  .meta({ id: "RevokedToken" });

export const tokenPage = z
  .strictObject({ tokens: z.array(token), next: z.string().nullable() })
  .meta({ id: "TokenPage" });

export const tokenRequest = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, "one line of text")
      .meta({ description: "As it stands in jobs, commits and the audit log." }),
    role,
    scope: scope.default({}),
    groups: groups.default([]),
    expiresIn: z
      .union([z.literal("never"), z.string().regex(/^[1-9]\d{0,3}[mhd]$/)], {
        error: 'a duration such as 12h or 90d, or "never"',
      })
      .optional()
      .meta({ description: "90d, or as long as the token that asks, when left out." }),
  })
  .meta({ id: "TokenRequest" });

export type Identity = z.infer<typeof identity>;
export type Token = z.infer<typeof token>;
export type CreatedToken = z.infer<typeof createdToken>;
export type RevokedToken = z.infer<typeof revokedToken>;
export type TokenPage = z.infer<typeof tokenPage>;
export type TokenRequest = z.infer<typeof tokenRequest>;
export type TokenRequestInput = z.input<typeof tokenRequest>;
