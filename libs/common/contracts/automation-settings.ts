import { z } from "zod";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

const lasting = (from: number, to: number, told: string) =>
  z
    .string()
    .regex(/^\d{1,6}(ms|s|m|h)$/, "a duration such as 500ms, 10s, 1m or 2h")
    .transform((text) => {
      const [, amount = "0", unit = "s"] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
      return Number(amount) * (unitMs[unit] ?? 0);
    })
    .refine((ms) => ms >= from && ms <= to, { message: told });

/** In milliseconds. */
export const usualTiming = {
  settle: 10_000,
  settleLongest: 60_000,
  clusterAge: 60_000,
  imagesAge: 3_600_000,
} as const;

/** When automation decides, and how old the facts may be that it decides by. */
export const automationTiming = z
  .strictObject({
    /** After the last news nothing is decided for so long: what is pushed together moves together. */
    settle: lasting(0, 3_600_000, "at most 1h").optional(),
    /** News that do not end are not waited for longer. */
    settleLongest: lasting(0, 86_400_000, "at most 24h").optional(),
    clusterAge: lasting(1_000, 3_600_000, "from 1s to 1h").optional(),
    imagesAge: lasting(1_000, 604_800_000, "from 1s to 168h").optional(),
  })
  .refine(
    ({ settle = usualTiming.settle, settleLongest }) =>
      settleLongest === undefined || settle <= settleLongest,
    { path: ["settleLongest"], message: "must not be shorter than settle" },
  );

export type AutomationTiming = z.infer<typeof automationTiming>;

type Timing = { readonly [Key in keyof typeof usualTiming]: number };

/** What the settings say, filled up with what is usual. */
export function timingOf({
  automationTiming: set = {},
}: {
  readonly automationTiming?: AutomationTiming | undefined;
}): Timing {
  const { settle, settleLongest, clusterAge, imagesAge } = set;
  return {
    settle: settle ?? usualTiming.settle,
    settleLongest: settleLongest ?? Math.max(settle ?? 0, usualTiming.settleLongest),
    clusterAge: clusterAge ?? usualTiming.clusterAge,
    imagesAge: imagesAge ?? usualTiming.imagesAge,
  };
}
