const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time as tables show it: `18 Nov 16 16:00 UTC`. */
export function instantText(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${two(at.getUTCDate())} ${months[at.getUTCMonth()] ?? ""} ${two(at.getUTCFullYear() % 100)}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}
