import { z } from "zod";

import type { ApiDeps } from "../deps.ts";

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in a query. */
export const instantText = z
  .union([z.iso.datetime({ offset: true }), z.string().regex(/^\d{1,6}[smhd]$/)], {
    error: "a time such as 2026-01-31T12:00:00Z, or a duration such as 2h",
  })
  .meta({ description: "A time, or how long ago: 30m, 2h, 7d." });

/** The instant that such a text means. */
export function instantOf(text: string, { clock }: Pick<ApiDeps, "clock">): Date {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (unit === undefined) return new Date(text);
  return new Date(clock.now().getTime() - Number(amount) * unitMs[unit as keyof typeof unitMs]);
}
