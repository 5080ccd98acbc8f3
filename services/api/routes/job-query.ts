import { z } from "zod";

import { jobKinds, jobPhases } from "#common/contracts/http.ts";
import type { JobSearch } from "#common/store/job-search.ts";

import type { ApiDeps } from "../deps.ts";
import { several } from "./find-workloads.ts";
import { instantOf, instantText } from "./instants.ts";

const shaStart = z
  .string()
  .regex(/^[0-9a-f]{4,64}$/i, "4 to 64 hex digits")
  .transform((text) => text.toLowerCase());

const printable = (most: number) =>
  z
    .string()
    .max(most)
    .refine((text) => /^\P{Cc}*$/u.test(text), { message: "must hold no control characters" });

/** What jobs are searched by: everything that is given must hold. */
export const jobSearchQuery = {
  environment: printable(63).optional(),
  workload: printable(400)
    .optional()
    .meta({ description: "namespace/name or namespace:kind/name", example: "sock-shop/front-end" }),
  image: printable(500).optional().meta({ description: "An image, or a repository for all its tags." }),
  label: several(printable(600)).meta({ description: "key=value; repeatable: all must hold." }),
  commit: shaStart.optional().meta({ description: "In the config repository; its beginning is enough." }),
  source: shaStart.optional().meta({ description: "The source's commit; its beginning is enough." }),
  requestedBy: printable(300).optional().meta({ description: "Who asked for it." }),
  outcome: printable(60).optional().meta({ example: "rolled-back" }),
  phase: z.enum(jobPhases).optional(),
  kind: z.enum(jobKinds).optional(),
  since: instantText.optional(),
  until: instantText.optional(),
};

type JobQuery = z.infer<z.ZodObject<typeof jobSearchQuery>>;

/** The query as the store searches by it, within what somebody sees; durations are counted back from now. */
export function toSearch(
  { since, until, label, ...query }: JobQuery,
  deps: Pick<ApiDeps, "clock">,
): JobSearch {
  const timeOf = (text: string | undefined) => (text === undefined ? undefined : instantOf(text, deps));
  return { ...query, labels: label, since: timeOf(since), until: timeOf(until) };
}
