import { tryParseImageRef } from "#common/domain/image-ref.ts";

/** Words and numbers as the page shows them. Pure. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** "now", "40 s", "3 min", "5 h", "12 d", "8 mo", "9 y": one unit, for what is read at a glance. */
export function spanText(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1.5 * second) return "now";
  if (span < 90 * second) return `${Math.round(span / second)} s`;
  if (span < 90 * minute) return `${Math.round(span / minute)} min`;
  if (span < 36 * hour) return `${Math.round(span / hour)} h`;
  if (span < 60 * day) return `${Math.round(span / day)} d`;
  if (span < 700 * day) return `${Math.round(span / (30.4 * day))} mo`;
  return `${Math.round(span / (365.25 * day))} y`;
}

/** "3 min ago", "in 5 h"; what is a breath away is "just now". */
export function agoText(instant: string, nowMs: number): string {
  const at = Date.parse(instant);
  if (Number.isNaN(at)) return "?";
  const apart = nowMs - at;
  const span = spanText(Math.abs(apart));
  if (span === "now") return "just now";
  return apart < 0 ? `in ${span}` : `${span} ago`;
}

/** "just now", "3 min ago", of an age. */
export function agoWords(ms: number): string {
  const span = spanText(ms);
  return span === "now" ? "just now" : `${span} ago`;
}

/** How long a thing took: "0.4 s", "31 s", "2 min 05 s", "3 h 20 min". */
export function durationText(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 9_950) return `${(span / second).toFixed(1)} s`;
  const seconds = Math.round(span / second);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** The exact time, in UTC, for who wants to know: "2026-11-23 16:40:02 UTC". */
export function exactText(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return instant;
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "18 Nov 16", the day alone, in UTC. */
export function dayText(instant: string): string {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return "?";
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "2-digit", timeZone: "UTC" });
}

/** A commit id or digest as a tag is cut to eight digits; what a person would choose stays whole. */
export function shortTag(tag: string): string {
  return tag.replace(/^((?:sha256:)?[0-9a-f]{8})[0-9a-f]{24,}$/, "$1");
}

/** An image in its parts for people: repository, and the tag, else the digest, else nothing. */
export function splitImage(image: string): { readonly repository: string; readonly version: string } {
  const ref = tryParseImageRef(image);
  if (ref === undefined) return { repository: image, version: "" };
  const version = ref.tag ?? ref.digest ?? "";
  const end = image.indexOf(`${ref.tag === undefined ? "@" : ":"}${version}`);
  return { repository: version === "" || end < 0 ? image : image.slice(0, end), version };
}

/** "0.2.0 → 7f511af2"; between repositories, the whole of both. */
export function changeText(from: string, to: string | null): string {
  const before = splitImage(from);
  if (to === null) return shortTag(before.version) || from;
  const after = splitImage(to);
  if (from === "" || from === to) return shortTag(after.version) || to;
  if (before.repository !== after.repository || before.version === "" || after.version === "") {
    return `${from} → ${to}`;
  }
  return `${shortTag(before.version)} → ${shortTag(after.version)}`;
}

/** The last eight digits: the first eight of a UUIDv7 are the same for a minute. */
export function shortJob(id: string): string {
  return id.replaceAll("-", "").slice(-8);
}

/** Seven digits, as git shows a commit. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

/** `namespace/name` of `namespace:kind/name`. */
export function shortWorkload(id: string): string {
  return id.replace(/^([^:/]+):[^:/]+\/([^:/]+)$/, "$1/$2");
}

/** "1 workload", "3 workloads". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** "no-eligible" as words. */
export function wordsOf(code: string): string {
  return code.replaceAll("-", " ");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
