import { usageProblem } from "../problem.ts";

const written = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;
const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2026-12-01T06:00Z`, or from now: 30m, 2h, 7d; as an instant. Anything else is a CliProblem, exit 2. */
export function parseFuture(text: string, now: Date): string {
  const [, amount, unit = ""] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  if (amount !== undefined)
    return new Date(now.getTime() + Number(amount) * (unitMs[unit] ?? 0)).toISOString();
  const [whole, zone] = written.exec(text) ?? [];
  if (whole === undefined)
    throw usageProblem(`"${text}" is no time`, "write 2026-12-01T06:00Z, or from now: 2h");
  if (zone === undefined) {
    throw usageProblem(`"${text}" has no time zone`, `write ${text}Z, or for example ${text}+01:00`);
  }
  if (Number.isNaN(Date.parse(text))) throw usageProblem(`There is no such time as "${text}"`);
  return new Date(text).toISOString();
}
