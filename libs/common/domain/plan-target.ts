import {
  formatImageRef,
  parseImageRef,
  repositoryKey,
  sameRepository,
  tryParseImageRef,
  withTag,
  type ImageRef,
} from "./image-ref.ts";
import { instantText } from "./instant-text.ts";
import type { Policies } from "./policy.ts";
import { filterFault, tagPasses, type KnownImage } from "./tag-filter.ts";
import { chooseLatest, eligibleReasons, isMovingTag, type CandidateReason, type ChoiceRule } from "./tag.ts";

/** Why no image could be found for a container. */
export type TargetReason =
  | "different-image"
  | "not-an-image"
  | "no-policy"
  | "no-image-data"
  | "no-eligible-image"
  | "no-previous-image"
  | "no-running-image"
  | "not-chosen"
  | "changed-since";

/** The full text to write, or why there is none. */
export type Target =
  | { readonly kind: "image"; readonly image: string; readonly detail?: string }
  | { readonly kind: "none"; readonly reason: TargetReason; readonly detail?: string };

/** One container and what is asked of it. */
export interface TargetAsk {
  readonly current: ImageRef;
  /** The tag filter that git has for this container. */
  readonly filter: string | undefined;
  /** Repository key → what exists there; absent when never scanned. */
  readonly images: ReadonlyMap<string, readonly KnownImage[]>;
  /** What an image must be besides passing the filter; a digest is then written with every tag. */
  readonly rule?: Omit<ChoiceRule, "filter"> | undefined;
}

/** What an image must be besides passing its filter. */
export function ruleOf(
  { minAgeMs, platforms, pinDigest }: Pick<Policies, "minAgeMs" | "platforms" | "pinDigest">,
  now: Date | undefined,
): Omit<ChoiceRule, "filter"> {
  return { minAgeMs, platforms, needsDigest: pinDigest, now };
}

/** The tag filter of a container. It may be named like something every object has ("constructor"). */
export function filterOf(policies: Pick<Policies, "tags">, container: string): string | undefined {
  return Object.hasOwn(policies.tags, container) ? policies.tags[container] : undefined;
}

interface ExactOptions {
  readonly anyTag: boolean;
  /** What its tag stood for when it was planned first, where that was written. */
  readonly digest?: string | undefined;
}

/** The image a person named: in the form found, and inside the filter unless that right was given. */
export function exactTarget(ask: TargetAsk, wanted: ImageRef, o: ExactOptions): Target {
  if (!sameRepository(ask.current, wanted)) return { kind: "none", reason: "different-image" };
  const refusal = o.anyTag ? undefined : refusalOfFilter(ask.filter, wanted.tag);
  if (refusal !== undefined) return { kind: "none", reason: "no-eligible-image", detail: refusal };
  const known = ask.images.get(repositoryKey(ask.current))?.find((image) => image.tag === wanted.tag);
  const digest = wanted.digest ?? o.digest ?? known?.digest;
  return inFormFound(ask, { tag: wanted.tag, digest });
}

/** What `latest` became earlier, as long as the container still is of that image repository. */
export function frozenTarget(current: ImageRef, image: string): Target {
  const frozen = parseImageRef(image);
  if (!sameRepository(current, frozen)) {
    return { kind: "none", reason: "changed-since", detail: `it was to become ${image}` };
  }
  const pins = frozen.tag !== undefined && frozen.digest !== undefined;
  return inFormFound({ current, rule: { needsDigest: pins } }, frozen);
}

/** What the container ran before, or runs now: one image that is looked up, not chosen. */
export function recalledTarget(
  current: ImageRef,
  image: string | undefined,
  select: "previous" | "running",
): Target {
  if (image === undefined) return { kind: "none", reason: `no-${select}-image` };
  const wanted = tryParseImageRef(image);
  if (wanted === undefined) return { kind: "none", reason: "not-an-image", detail: `"${image}"` };
  if (!sameRepository(current, wanted)) {
    return { kind: "none", reason: "different-image", detail: `${select}: ${image}` };
  }
  const detail = select === "previous" ? "ran before" : "runs now";
  const target = inFormFound({ current }, wanted);
  return target.kind === "none" ? target : { ...target, detail };
}

/** The image that "latest" means for a container, among all that may be chosen, best first; or why there is none. */
export type LatestFound =
  | { readonly kind: "found"; readonly chosen: KnownImage; readonly eligible: readonly KnownImage[] }
  | Extract<Target, { kind: "none" }>;

/** The best image that exists, by the filter; without one only a tag that is no moving name is followed. */
export function latestTarget(ask: TargetAsk, o: { several: boolean }): Target {
  const found = findLatest(ask, o);
  if (found.kind === "none") return found;
  const { chosen, eligible } = found;
  const target = inFormFound(ask, chosen);
  if (target.kind === "none") return target;
  const built = chosen.createdAt === undefined ? "" : `, built ${instantText(chosen.createdAt)}`;
  return { ...target, detail: `newest of ${eligible.length} eligible${built}` };
}

/** What releases and lists call the newest eligible image: chosen here and nowhere else. */
export function findLatest(ask: TargetAsk, o: { several: boolean }): LatestFound {
  const { current, filter } = ask;
  if (followsNothing(ask)) {
    const cure = o.several ? "" : ": name the exact image";
    return { kind: "none", reason: "no-policy", detail: `its tag is not a version${cure}` };
  }
  const fault = filter === undefined ? undefined : filterFault(filter);
  if (fault !== undefined) return { kind: "none", reason: "no-eligible-image", detail: fault };
  const key = repositoryKey(current);
  const known = ask.images.get(key) ?? [];
  if (known.length === 0) return { kind: "none", reason: "no-image-data", detail: key };
  const { chosen, candidates } = chooseLatest(known, { ...ask.rule, filter });
  if (chosen === undefined) {
    return { kind: "none", reason: "no-eligible-image", detail: filter ?? "no dated image" };
  }
  const eligible = candidates.filter(({ reason }) => eligibleReasons.has(reason));
  return { kind: "found", chosen, eligible: eligible.map(({ image }) => image) };
}

/** Why "latest" leaves an image alone. */
export type IneligibleReason = "no-policy" | "filter-invalid" | LeftOut;
type LeftOut = Exclude<
  CandidateReason,
  "chosen" | "older" | "lower-version" | "lower-number" | "earlier-text" | "downgrade"
>;

/** Images that "latest" leaves alone in a container, by tag and with the reason; the others are eligible. */
export function findIneligible(ask: {
  readonly current: Pick<ImageRef, "tag">;
  readonly filter: string | undefined;
  readonly images: readonly KnownImage[];
  readonly rule?: Omit<ChoiceRule, "filter" | "notBelow"> | undefined;
}): ReadonlyMap<string, IneligibleReason> {
  const { filter, images } = ask;
  const all = (reason: IneligibleReason) => new Map(images.map(({ tag }) => [tag, reason]));
  if (followsNothing(ask)) return all("no-policy");
  if (filter !== undefined && filterFault(filter) !== undefined) return all("filter-invalid");
  const { candidates } = chooseLatest(images, { ...ask.rule, filter });
  return new Map(
    candidates.flatMap(({ image, reason }) => (isIneligible(reason) ? [[image.tag, reason]] : [])),
  );
}

function isIneligible(reason: CandidateReason): reason is LeftOut {
  return !eligibleReasons.has(reason);
}

/** Without a filter a tag that is expected to be pushed again says nothing of what may follow it. */
function followsNothing({ current, filter }: Pick<TargetAsk, "filter"> & { current: Pick<ImageRef, "tag"> }) {
  return filter === undefined && isMovingTag(current.tag);
}

const anyTag: ReadonlySet<string> = new Set(["*", "glob:*", "newest"]);

function refusalOfFilter(filter: string | undefined, tag: string | undefined): string | undefined {
  if (filter === undefined || tag === undefined || anyTag.has(filter)) return undefined;
  const fault = filterFault(filter);
  if (fault !== undefined) return fault;
  return tagPasses(tag, filter) ? undefined : `${tag} does not match the filter ${filter}`;
}

/** SURFACE §1: the form found is the form written; a pinned digest needs the new one to be known. */
function inFormFound(
  { current, rule }: Pick<TargetAsk, "current" | "rule">,
  wanted: { tag?: string | undefined; digest?: string | undefined },
): Target {
  const { tag, digest } = wanted;
  const pins = current.digest !== undefined || rule?.needsDigest === true;
  if (pins && digest === undefined) {
    return { kind: "none", reason: "no-image-data", detail: `the digest of tag ${tag ?? ""} is not known` };
  }
  const to = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  const from = pins && current.digest === undefined && tag !== undefined ? pinned(current, digest) : current;
  return { kind: "image", image: formatImageRef(withTag(from, to)) };
}

/** An image that is to be pinned from now on has both forms already. */
function pinned(current: ImageRef, digest: string | undefined): ImageRef {
  return digest === undefined ? current : { ...current, digest };
}
