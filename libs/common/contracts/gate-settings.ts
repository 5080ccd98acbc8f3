import { z } from "zod";

import { scheduleFault, shortestPauseMs, timeZoneFault } from "../domain/cron.ts";
import type { ApprovalRule } from "../domain/gates.ts";
import type { ReleaseWindow } from "../domain/windows.ts";

/** When an environment may be released to, and whose consent that needs. */

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

const shortestMs = 60_000;
const longestMs = 60 * 86_400_000;

const lasting = z
  .string()
  .regex(/^\d{1,5}[mhd]$/, "a duration such as 30m, 8h or 2d")
  .transform((text) => Number(text.slice(0, -1)) * (unitMs[text.slice(-1)] ?? 0))
  .refine((ms) => ms >= shortestMs && ms <= longestMs, { message: "from 1m to 60d" });

const namespacePatterns = z
  .array(
    z.string().regex(/^[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?$/, "a namespace or a pattern such as team-*"),
  )
  .min(1)
  .max(200);

const cron = z.string().min(1).max(200);

/** `{ allow: "0 9 * * 1-5", timeZone: Europe/Berlin, duration: 8h }` */
const window = z
  .strictObject({
    allow: cron.optional(),
    deny: cron.optional(),
    timeZone: z.string().min(1).max(100),
    duration: lasting,
    namespaces: namespacePatterns.optional(),
    reason: z.string().min(1).max(200).optional(),
  })
  .superRefine(({ allow, deny, timeZone, duration }, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if ((allow === undefined) === (deny === undefined)) return fault([], 'give either "allow" or "deny"');
    const wrong = [scheduleFault(allow ?? deny ?? ""), timeZoneFault(timeZone)] as const;
    if (wrong[0] !== undefined) fault([allow === undefined ? "deny" : "allow"], wrong[0]);
    if (wrong[1] !== undefined) fault(["timeZone"], wrong[1]);
    if (wrong.some((one) => one !== undefined)) return;
    const pauseMs = shortestPauseMs(allow ?? deny ?? "", timeZone);
    // A day of 23 hours must not make a mistake of a window that lasts the whole day.
    if (duration > pauseMs + 3_600_000) {
      fault(["duration"], `it overlaps itself: it starts again after ${minutesText(pauseMs)}`);
    }
  })
  .transform(({ allow, deny, duration, ...rest }): ReleaseWindow => {
    return {
      kind: deny === undefined ? "allow" : "deny",
      cron: allow ?? deny ?? "",
      durationMs: duration,
      ...rest,
    };
  });

/** `{ role: approver, deadline: 24h }`, `{ tokens: [alice, bob], namespaces: [payment], deadline: 4h }` */
const approval = z
  .strictObject({
    role: z.enum(["releaser", "approver", "admin"]).optional(),
    /** Names of tokens: a group written out. */
    tokens: z.array(z.string().min(1).max(200)).min(1).max(200).optional(),
    group: z.string().min(1).max(200).optional(),
    namespaces: namespacePatterns.optional(),
    deadline: lasting,
  })
  .refine(
    ({ role, tokens, group }) => [role, tokens, group].filter((one) => one !== undefined).length === 1,
    {
      message: 'give exactly one of "role", "tokens" and "group"',
    },
  )
  .transform(({ deadline, ...rest }): ApprovalRule => ({ deadlineMs: deadline, ...rest }));

export const windowsSettings = z.array(window).max(50);
export const approvalsSettings = z.array(approval).max(50);

function minutesText(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${Math.round(ms / 60_000)} min`;
}
