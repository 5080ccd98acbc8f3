import { z } from "zod";

import { jobKinds, jobPhases } from "#common/contracts/http.ts";
import type { JobSearch } from "#common/store/job-search.ts";

import type { ApiDeps } from "../deps.ts";
import { several } from "./find-workloads.ts";

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const when = z
  .union([z.iso.datetime({ offset: true }), z.string().regex(/^\d{1,6}[smhd]$/)], {
    error: "a time such as 2026-01-31T12:00:00Z, or a duration such as 2h",
  })
  .meta({ description: "A time, or how long ago: 30m, 2h, 7d.", example: "24h" });

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
  since: when.optional(),
  until: when.optional(),
};

type JobQuery = z.infer<z.ZodObject<typeof jobSearchQuery>>;

/** The query as the store searches by it; durations are counted back from now. */
export function toSearch(
  { since, until, label, ...query }: JobQuery,
  { clock }: Pick<ApiDeps, "clock">,
): JobSearch {
  const now = clock.now().getTime();
  return { ...query, labels: label, since: timeOf(since, now), until: timeOf(until, now) };
}

function timeOf(text: string | undefined, nowMs: number): Date | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (unit === undefined) return new Date(text);
  return new Date(nowMs - Number(amount) * unitMs[unit as keyof typeof unitMs]);
}
