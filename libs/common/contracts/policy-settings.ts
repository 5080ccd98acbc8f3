import { z } from "zod";

import { SlipwayError } from "../domain/errors.ts";
import { parseSelector } from "../domain/label-selector.ts";
import { policyFault } from "../domain/policy-values.ts";
import { parseGlob } from "../domain/tag-glob.ts";

const glob = z
  .string()
  .min(1)
  .max(253)
  .refine((text) => !("fault" in parseGlob(text)), "a name or a pattern with *, ? and […], such as team-*");

const selector = z.string().min(1).max(2000).refine(isSelector, "a label selector such as tier=web,!canary");

/** YAML reads `true` and `2` as something else than text; annotations hold text alone. */
const policyValue = z.union([z.string(), z.boolean().transform(String), z.number().transform(String)]);

/** Keys that say something about one lock of one workload. */
const personal = new Set(["locked_msg", "locked_user"]);

/** What the platform team says of the workloads of an environment; later rules go before earlier ones. */
export const policyRules = z
  .array(
    z.strictObject({
      match: z
        .strictObject({ namespace: glob.optional(), name: glob.optional(), label: selector.optional() })
        .optional(),
      set: z.record(z.string().max(63), policyValue).superRefine((set, context) => {
        for (const [key, value] of Object.entries(set)) {
          const fault = faultOf(key, value);
          if (fault !== undefined) context.addIssue({ code: "custom", path: [key], message: fault });
        }
      }),
    }),
  )
  .max(200);

function faultOf(key: string, value: string): string | undefined {
  if (personal.has(key)) return `${key} belongs to the lock of one workload`;
  const fault = policyFault(key === "tag.*" ? "tag.every" : key, value);
  return key === "tag.*" ? fault?.replace("tag.every", key) : fault;
}

function isSelector(text: string): boolean {
  try {
    return parseSelector([text]).length > 0;
  } catch (error) {
    if (error instanceof SlipwayError) return false;
    throw error;
  }
}
