const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,18})?(?:Z|[+-]\d{2}:\d{2})$/i;

// Reproducible builds write the zero of their clock instead of a date: year 1 (Go), 1970 (epoch),
// 1980 (zip, buildpacks). No container image is older than these, so the whole span means "unknown".
const firstUsableYear = 1981;

/** The moment an image says it was built, or undefined when it says nothing usable. */
export function usableDate(text: unknown): Date | undefined {
  if (typeof text !== "string" || !rfc3339.test(text)) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < firstUsableYear) return undefined;
  return date;
}
