import { sameRepository, tryParseImageRef } from "#common/domain/image-ref.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";

/** "0.2.0 -> 0.3.0" within one repository, else both references in full; no arrow without a target. */
export function changeText(
  change: { readonly from: string; readonly to: string | null; readonly policy?: string | undefined },
  length: "short" | "full",
): string {
  if (change.policy !== undefined) return policyText(change.policy, change);
  const from = tryParseImageRef(change.from);
  const to = change.to === null ? undefined : tryParseImageRef(change.to);
  const cut = (text: string) => (length === "short" ? shortVersion(text) : text);
  if (change.to === null || change.to === "") return from === undefined ? change.from : cut(versionOf(from));
  // A sync or a restart leaves the image as it is, or brings it where nothing was.
  if (to !== undefined && (change.from === "" || change.from === change.to)) return cut(versionOf(to));
  if (from === undefined || to === undefined || !sameRepository(from, to)) {
    return `${change.from} -> ${change.to}`;
  }
  return `${cut(versionOf(from))} -> ${cut(versionOf(to))}`;
}

/** "slipway.dev/locked none -> true" */
function policyText(
  annotation: string,
  { from, to }: { readonly from: string; readonly to: string | null },
): string {
  return `${annotation} ${valueText(from)} -> ${valueText(to)}`;
}

function valueText(value: string | null): string {
  return value === null || value === "" ? "none" : value;
}

/** The tag, else the digest, else what a missing tag means. */
function versionOf(ref: ImageRef): string {
  return ref.tag ?? ref.digest ?? "(untagged)";
}

/** A commit id or digest as a tag is cut to eight digits; anything a person would choose stays. */
export function shortVersion(text: string): string {
  return text.replace(/^((?:sha256:)?[0-9a-f]{8})[0-9a-f]{24,}$/, "$1…");
}
