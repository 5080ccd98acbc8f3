import { z } from "zod";

import { roles, splitPattern } from "../domain/access.ts";

/** Roles and scopes as they are written in settings and requests. */

const pattern = (what: string) =>
  z.string().regex(/^[a-z0-9*][a-z0-9*-]{0,62}$/, `${what} or a pattern such as team-*`);

const workloadPattern = z
  .string()
  .max(320)
  .refine((text) => splitPattern(text) !== undefined, {
    message: "namespace/name or namespace:kind/name; each part may hold *",
  });

/** Parts of a scope; what is left out is not narrowed. */
export const scopeFields = {
  environments: z.array(pattern("an environment")).min(1).max(50).optional(),
  namespaces: z.array(pattern("a namespace")).min(1).max(50).optional(),
  workloads: z.array(workloadPattern).min(1).max(200).optional(),
};

export const role = z.enum(roles);

export const scope = z
  .strictObject(scopeFields)
  .meta({ id: "Scope", description: "What is left out is not narrowed; `*` stands for any characters." });

export const groups = z
  .array(
    z
      .string()
      .min(1)
      .max(200)
      .regex(/^[\x21-\x7e]+$/, "printable, without spaces"),
  )
  .max(50);
