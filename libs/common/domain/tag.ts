import { compareText } from "./compare-text.ts";
import { isRunnableOn } from "./platform.ts";
import {
  compareNewestFirst,
  parseFilter,
  type FilterRefusal,
  type KnownImage,
  type TagFilter,
} from "./tag-filter.ts";
import { readVersion } from "./tag-version.ts";

/** What lets an image be chosen, besides its filter; each part only where somebody asks for it. */
export interface ChoiceRule {
  /** Absent: every tag but `latest`, the newest by date. */
  readonly filter?: string | undefined;
  readonly minAgeMs?: number | undefined;
  /** The image must run on each of these (`os/architecture[/variant]`). */
  readonly platforms?: readonly string[] | undefined;
  /** Only an image whose digest is known can be written as one. */
  readonly needsDigest?: boolean | undefined;
  /** Needed with `minAgeMs`. */
  readonly now?: Date | undefined;
  /** The tag that is there, where a lower version than it must not be chosen. */
  readonly notBelow?: string | undefined;
}

/** Why an image was chosen, stands behind the chosen one, or must not be chosen. */
export type CandidateReason =
  | "chosen"
  | "older"
  | "lower-version"
  | "lower-number"
  | "earlier-text"
  | "no-created-time"
  | "too-young"
  | "age-unknown"
  | "other-platform"
  | "platform-unknown"
  | "digest-unknown"
  | "downgrade"
  | FilterRefusal;

export interface Candidate {
  readonly image: KnownImage;
  readonly reason: CandidateReason;
}

export interface LatestChoice {
  readonly chosen?: KnownImage;
  /** Every image: the eligible ones first, best first, then those left out, newest first. */
  readonly candidates: readonly Candidate[];
}

/** The reasons of images that might have been chosen, had there been no better one. */
export const eligibleReasons: ReadonlySet<CandidateReason> = new Set([
  "chosen",
  "older",
  "lower-version",
  "lower-number",
  "earlier-text",
] as const);

/**
 * The image that is to run by a rule, and one reason for each of the others: what releases, lists,
 * `explain` and `policy test` all ask. Total and stable: the same images in any order give the same
 * answer. Throws FILTER_INVALID.
 */
export function chooseLatest(images: readonly KnownImage[], rule: ChoiceRule): LatestChoice {
  const filter = parseFilter(rule.filter ?? "newest");
  const judged = images.map((image) => ({
    image,
    refusal: filter.refusal(image.tag) ?? refusalOf(image, rule),
  }));
  const eligible = judged.filter((one) => one.refusal === undefined).map((one) => one.image);
  const best = eligible.toSorted((a, b) => filter.compare(a, b) || compareDigests(a, b));
  // Without any time there is nothing to choose by, except when there is no choice.
  const dated = best.find((image) => filter.order !== "date" || image.createdAt !== undefined);
  const chosen = dated ?? (best.length === 1 ? best[0] : undefined);
  const ranked = best.map((image) => ({ image, reason: rankReason(image, chosen, filter) }));
  const left = judged
    .filter((one) => one.refusal !== undefined)
    .sort((a, b) => compareNewestFirst(a.image, b.image))
    .map((one) => ({ image: one.image, reason: one.refusal ?? "filtered-out" }));
  return { ...(chosen === undefined ? {} : { chosen }), candidates: [...ranked, ...left] };
}

/** A name that is expected to be pushed again: absent, `latest`, or a bare major number. */
export function isMovingTag(tag: string | undefined): boolean {
  return tag === undefined || tag === "latest" || /^v?\d{1,3}$/.test(tag);
}

/** Whether both tags are versions and the first is the lower one. */
export function isDowngrade(to: string | undefined, from: string | undefined): boolean {
  const [lower, higher] = [to, from].map((tag) => (tag === undefined ? undefined : readVersion(tag)));
  return lower !== undefined && higher !== undefined && lower.compare(higher) < 0;
}

function refusalOf(image: KnownImage, rule: ChoiceRule): CandidateReason | undefined {
  return ageRefusal(image, rule) ?? platformRefusal(image, rule) ?? formRefusal(image, rule);
}

function ageRefusal(image: KnownImage, { minAgeMs = 0, now }: ChoiceRule): CandidateReason | undefined {
  if (minAgeMs <= 0 || now === undefined) return undefined;
  const since = image.createdAt ?? image.firstSeenAt;
  if (since === undefined) return "age-unknown";
  return now.getTime() - since.getTime() < minAgeMs ? "too-young" : undefined;
}

function platformRefusal(image: KnownImage, { platforms = [] }: ChoiceRule): CandidateReason | undefined {
  if (platforms.length === 0) return undefined;
  const { platforms: has = [] } = image;
  if (has.length === 0) return "platform-unknown";
  return platforms.every((platform) => isRunnableOn(has, platform)) ? undefined : "other-platform";
}

function formRefusal({ tag, digest }: KnownImage, rule: ChoiceRule): CandidateReason | undefined {
  if (rule.needsDigest === true && digest === undefined) return "digest-unknown";
  return isDowngrade(tag, rule.notBelow) ? "downgrade" : undefined;
}

const behind = {
  date: "older",
  version: "lower-version",
  number: "lower-number",
  text: "earlier-text",
} as const;

function compareDigests(a: KnownImage, b: KnownImage): number {
  return compareText(a.digest ?? "", b.digest ?? "");
}

function rankReason(
  image: KnownImage,
  chosen: KnownImage | undefined,
  { order }: TagFilter,
): CandidateReason {
  if (image === chosen) return "chosen";
  return order === "date" && image.createdAt === undefined ? "no-created-time" : behind[order];
}
