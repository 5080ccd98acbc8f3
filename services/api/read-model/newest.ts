import type { Workload } from "#common/contracts/http.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { findLatest } from "#common/domain/plan-target.ts";
import type { TargetAsk, TargetReason } from "#common/domain/plan-target.ts";
import { timeOf } from "#common/domain/tag-filter.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";
import type { RepositoryFacts } from "#common/store/image-facts.ts";

type Container = Workload["containers"][number];

/** A container's newest eligible image, or why there is none. */
export type Newest = Pick<Container, "newest" | "newestReason">;

/** What the last scan of an image repository found. */
export type ImageEntry = RepositoryFacts;

/** By canonical repository key; what nobody ever wanted is absent. */
export type ImageEntries = ReadonlyMap<string, ImageEntry>;

/** What a release of "latest" would choose for this container, and how far behind that it runs. */
export function newestOf(asked: {
  readonly image: string;
  readonly filter: string | undefined;
  readonly rule?: TargetAsk["rule"];
  readonly entries: ImageEntries;
}): Newest {
  const current = tryParseImageRef(asked.image);
  if (current === undefined) return none("not-an-image");
  const key = repositoryKey(current);
  const entry = asked.entries.get(key);
  const images = new Map([[key, entry?.images ?? []]]);
  const found = findLatest({ current, filter: asked.filter, rule: asked.rule, images }, { several: true });
  if (found.kind === "none") return none(reasonOf(found.reason, entry));
  const { chosen, eligible } = found;
  const running = entry?.images.find((image) => isThis(image, current));
  return {
    newest: {
      tag: chosen.tag,
      createdAt: chosen.createdAt?.toISOString() ?? null,
      behind: countNewer({ chosen, eligible, running, current }),
      behindMs: betweenMs(running && timeOf(running), timeOf(chosen)),
    },
    newestReason: null,
  };
}

function none(newestReason: NonNullable<Newest["newestReason"]>): Newest {
  return { newest: null, newestReason };
}

function reasonOf(reason: TargetReason, entry: ImageEntry | undefined): NonNullable<Newest["newestReason"]> {
  if (reason === "no-policy") return "no-policy";
  if (reason === "no-runnable-image") return "no-runnable";
  if (entry?.scanned === true) return "no-eligible";
  return entry?.unreadable === true ? "unreadable" : "not-scanned";
}

/** By tag where one is written; a bare digest is the first image that has it. */
function isThis(image: KnownImage, { tag, digest }: ImageRef): boolean {
  return tag === undefined ? digest !== undefined && image.digest === digest : image.tag === tag;
}

interface Ranking {
  readonly chosen: KnownImage;
  /** Best first. */
  readonly eligible: readonly KnownImage[];
  /** What is known of the container's own image. */
  readonly running: KnownImage | undefined;
  readonly current: ImageRef;
}

function countNewer({ chosen, eligible, running, current }: Ranking): number {
  if (isThis(chosen, current)) return 0;
  const rank = eligible.findIndex((image) => isThis(image, current));
  if (rank !== -1) return rank;
  // The filter leaves its own image out, or the registry no longer has it: then only dates can tell.
  const ownMs = running && timeOf(running)?.getTime();
  if (ownMs === undefined) return eligible.length;
  return eligible.filter((image) => (timeOf(image)?.getTime() ?? -Infinity) > ownMs).length;
}

function betweenMs(from: Date | undefined, to: Date | undefined): number | null {
  return from === undefined || to === undefined ? null : Math.max(0, to.getTime() - from.getTime());
}
