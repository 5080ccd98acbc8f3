import type { WorkloadImages } from "#common/contracts/http.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { findIneligible } from "#common/domain/plan-target.ts";
import type { TargetAsk } from "#common/domain/plan-target.ts";
import { isMovingTag } from "#common/domain/tag.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";

/** An image of a list, as far as it is the same for every container. */
export interface ListedImage extends KnownImage {
  /** None marked as running, all as eligible. */
  readonly told: WorkloadImages["containers"][number]["available"][number];
}

/** A container, as far as it decides which images "latest" may choose. */
export interface Judged {
  readonly current: Pick<ImageRef, "tag">;
  readonly filter: string | undefined;
  readonly rule?: TargetAsk["rule"];
}

/** Images with the planner's word on each: the same array again for as long as nothing differs. */
export type Eligibility = (images: readonly ListedImage[], by: Judged) => readonly ListedImage[];

/** Remembers what was judged, for as long as the images themselves are kept. */
export function createEligibility(): Eligibility {
  const known = new WeakMap<readonly ListedImage[], Map<string, readonly ListedImage[]>>();
  return (images, by) => {
    const rules = known.get(images) ?? new Map<string, readonly ListedImage[]>();
    known.set(images, rules);
    const asked = by.filter === undefined ? isMovingTag(by.current.tag) : `filter ${by.filter}`;
    const rule = JSON.stringify([asked, by.rule ?? {}]);
    const before = rules.get(rule);
    if (before !== undefined) return before;
    const judged = judge(images, by);
    rules.set(rule, judged);
    return judged;
  };
}

function judge(images: readonly ListedImage[], { current, filter, rule }: Judged): readonly ListedImage[] {
  const ineligible = findIneligible({ current, filter, rule, images });
  if (ineligible.size === 0) return images;
  return images.map((image) => {
    const reason = ineligible.get(image.tag);
    if (reason === undefined) return image;
    return { ...image, told: { ...image.told, eligible: false, ineligible: reason } };
  });
}
