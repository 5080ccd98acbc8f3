import { z } from "zod";

const dayMs = 86_400_000;
const fewestDays = 30;

/** How long history is kept before it is deleted. */
export const retentionSettings = z.strictObject({
  /** Jobs that ended, with their steps; open ones never. */
  jobs: z
    .string()
    .regex(/^\d{1,5}d$/, "a number of days such as 365d")
    .transform((text) => Number.parseInt(text, 10) * dayMs)
    .refine((ms) => ms >= fewestDays * dayMs, { message: `at least ${fewestDays}d` })
    .default(365 * dayMs),
});

export const usualRetention = retentionSettings.parse({});
