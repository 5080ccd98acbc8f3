import type { WorkloadImages } from "#common/contracts/http.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { findIneligible, nodesThatCount } from "#common/domain/plan-target.ts";
import type { TargetAsk } from "#common/domain/plan-target.ts";
import { isRunnable } from "#common/domain/platform.ts";
import type { Platform } from "#common/domain/platform.ts";
import { isMovingTag } from "#common/domain/tag.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";

/** An image of a list, as far as it is the same for every container. */
export interface ListedImage extends KnownImage {
  /** None marked as running, all as eligible. */
  readonly told: WorkloadImages["containers"][number]["available"][number];
}

/** A container, as far as it decides which images "latest" may choose. */
export interface Judged {
  readonly current: Pick<ImageRef, "tag" | "digest">;
  readonly filter: string | undefined;
  /** With what the cluster's nodes can run: the same array for as long as they are the same. */
  readonly rule?: TargetAsk["rule"];
}

/** Images with the planner's word on each: the same array again for as long as nothing differs. */
export type Eligibility = (images: readonly ListedImage[], by: Judged) => readonly ListedImage[];

/** Remembers what was judged, for as long as the images themselves are kept. */
export function createEligibility(): Eligibility {
  const known = new WeakMap<readonly ListedImage[], Map<string, readonly ListedImage[]>>();
  const onNodes = new WeakMap<readonly ListedImage[], Marked>();
  return (all, by) => {
    const { nodes = [] } = by.rule ?? {};
    const marked = onNodes.get(all);
    const images = marked?.nodes === nodes ? marked.images : markRunnable(all, nodes);
    onNodes.set(all, { nodes, images });
    const rules = known.get(images) ?? new Map<string, readonly ListedImage[]>();
    known.set(images, rules);
    const asked = by.filter === undefined ? isMovingTag(by.current.tag) : `filter ${by.filter}`;
    const counting = { ...by.rule, nodes: nodesThatCount(by.current, images, nodes) };
    const rule = JSON.stringify([asked, counting]);
    const before = rules.get(rule);
    if (before !== undefined) return before;
    const judged = judge(images, { ...by, rule: counting });
    rules.set(rule, judged);
    return judged;
  };
}

interface Marked {
  readonly nodes: readonly Platform[];
  readonly images: readonly ListedImage[];
}

/** Images with whether a node can run them: the same array where nobody knows. */
function markRunnable(images: readonly ListedImage[], nodes: readonly Platform[]): readonly ListedImage[] {
  if (nodes.length === 0) return images;
  return images.map((image) => {
    const runnable = isRunnable(image.platforms ?? [], nodes) ?? null;
    return runnable === null ? image : { ...image, told: { ...image.told, runnable } };
  });
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
