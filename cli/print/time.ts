import { instantText } from "#common/domain/instant-text.ts";

/** RFC 822 as the predecessor wrote it: "18 Nov 16 16:00 UTC". */
export function shortDate(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return "?";
  return instantText(at);
}

/** For log lines: "2026-11-23T16:40:02Z". */
export function logTime(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

/** For people: "0.1 s", "31.4 s", "2 min 05 s", "3 h 20 min". */
export function durationText(ms: number): string {
  const safeMs = Math.max(0, ms);
  if (safeMs < 59_950) return `${(safeMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(safeMs / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** How far apart two dates are, in one unit: "12 d", "5 h", "20 min". */
export function spanText(ms: number): string {
  const minutes = Math.round(Math.max(0, ms) / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** For programs: "31.4s". */
export function secondsText(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}

/** Milliseconds from one instant to another. */
export function betweenMs(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
