import { z } from "zod";

import { groups, role, scopeFields } from "./access.ts";

/** Identity providers whose tokens count here: no secret of ours is stored with whoever uses them. */

const isLoopback = (url: URL): boolean => /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname);

const issuer = z
  .url()
  .max(500)
  .refine(
    (text) => {
      if (!URL.canParse(text)) return true;
      const url = new URL(text);
      const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
      return isSafe && url.search === "" && url.hash === "" && url.username === "";
    },
    { message: "an https address without query (http on loopback only)" },
  );

/** One value of a claim, or several of which one must fit; `*` stands for any characters. */
const wanted = z.union([z.string().min(1).max(500), z.array(z.string().min(1).max(500)).min(1).max(100)]);

const rule = z
  .strictObject({
    /** All must hold. Nested claims by dots: `realm_access.roles`. */
    claims: z.record(z.string().min(1).max(200), wanted).refine((claims) => Object.keys(claims).length > 0, {
      message: 'name at least one claim; {sub: "*"} is everybody of this issuer',
    }),
    role: role.optional(),
    ...scopeFields,
    groups: groups.optional(),
  })
  .refine((one) => one.role !== undefined || one.groups !== undefined, {
    message: 'give "role" or "groups"',
  });

/** Public keys only: a secret both sides know could be used to make tokens. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export const oidcSettings = z.strictObject({
  /** Exactly as its tokens name it. */
  issuer,
  audience: z.string().min(1).max(500),
  algorithms: z.array(z.enum(algorithms)).min(1).default(["RS256"]),
  /** How far clocks may be apart, at most 120s. */
  clockSkew: z
    .string()
    .regex(/^(\d{1,2}|1[01]\d|120)s$/, "at most 120s")
    .default("30s")
    .transform((text) => Number.parseInt(text, 10) * 1_000),
  /** What its owners are called in jobs, commits and the audit log. */
  nameClaim: z.string().min(1).max(200).default("sub"),
  /** A claim whose values count as groups. */
  groupsClaim: z.string().min(1).max(200).optional(),
  /** Each rule that fits adds what it gives. Without one that gives a role, a token may do nothing. */
  rules: z.array(rule).min(1).max(500),
});

export type OidcSettings = z.infer<typeof oidcSettings>;
