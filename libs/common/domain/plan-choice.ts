import { tryParseImageRef, type ImageRef } from "./image-ref.ts";
import { frozenTarget, type Target, type TargetReason } from "./plan-target.ts";

/** Names one container of one workload in facts. */
export function containerKey(of: { readonly workload: string; readonly container: string }): string {
  return `${of.workload} ${of.container}`;
}

/**
 * What was looked for and found for a container when its job was planned first: the exact image, or
 * why there is none. Every later planning goes by it (CORRECTNESS 13).
 */
export type ResolvedChoice = { readonly workload: string; readonly container: string } & (
  | { readonly image: string }
  | { readonly reason: TargetReason; readonly detail?: string }
);

/**
 * What is kept of a target. What is up to date may be so by an earlier job of the batch, which may not
 * come to pass: its image is chosen too. What was left alone before an image was looked for (locked,
 * absent, …) has no choice, and gets none later.
 */
export function choiceOf(
  of: { readonly workload: string; readonly container: string },
  target: Target | undefined,
): readonly ResolvedChoice[] {
  if (target === undefined) return [];
  if (target.kind === "image") return [{ ...of, image: target.image }];
  const { reason, detail } = target;
  return [{ ...of, reason, ...(detail === undefined ? {} : { detail }) }];
}

/** The image of an earlier choice in the spelling that is there by now, or why there is none. */
export function chosenTarget(current: ImageRef, choice: ResolvedChoice | undefined): Target {
  if (choice === undefined) return { kind: "none", reason: "not-chosen" };
  if ("image" in choice) return frozenTarget(current, choice.image);
  const { reason, detail } = choice;
  return { kind: "none", reason, ...(detail === undefined ? {} : { detail }) };
}

/** The digest that an exact tag had when it was planned first: the tag may have been pushed again since. */
export function chosenDigest(wanted: ImageRef, choice: ResolvedChoice | undefined): string | undefined {
  if (choice === undefined || !("image" in choice)) return undefined;
  const chosen = tryParseImageRef(choice.image);
  return chosen?.tag === wanted.tag ? chosen?.digest : undefined;
}
