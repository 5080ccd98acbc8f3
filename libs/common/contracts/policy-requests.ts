import { z } from "zod";

import { policyPrefixes } from "../domain/policy.ts";

/** Bodies that ask for a change of policies. */

const environmentName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a lower-case DNS label");

const policySet = z
  .record(z.string().min(1).max(80), z.string().max(4096).nullable())
  .refine((set) => Object.keys(set).length > 0, "names no policy")
  .refine((set) => Object.keys(set).length <= 200, "names more than 200 policies")
  .meta({
    description:
      "Policy keys without a prefix, each to its value; null takes one away. `tag_all` is for every container that is not named itself.",
  });

const common = {
  message: z
    .string()
    .max(2000)
    .optional()
    .meta({ description: "Why; becomes part of the commit, and of a lock." }),
  dryRun: z
    .boolean()
    .default(false)
    .meta({ description: "Answers plan and diff; nothing is stored or written." }),
  prefix: z
    .enum(policyPrefixes)
    .optional()
    .meta({ description: "For keys that a workload does not have yet; else the one it uses." }),
};

/** `PUT …/policy`: one workload. */
export const policyChangeRequest = z
  .strictObject({ set: policySet, ...common })
  .meta({ id: "PolicyChangeRequest" });

/** `POST /v1/policies`: several workloads in one commit. */
export const policyRequest = z
  .strictObject({
    environment: environmentName.optional().meta({ description: "May be left out when only one exists." }),
    changes: z
      .array(
        z.strictObject({
          workload: z
            .string()
            .min(1)
            .max(400)
            .meta({ description: "namespace/name or namespace:kind/name." }),
          set: policySet,
        }),
      )
      .min(1)
      .max(1000),
    ...common,
  })
  .meta({ id: "PolicyRequest" });

export type PolicyRequestInput = z.input<typeof policyRequest>;
