import { SlipwayError } from "./errors.ts";
import { compareNewestFirst } from "./tag-filter.ts";
import type { KnownImage } from "./tag-filter.ts";

/** A part of a list of images, and where the next one begins; null at the end. */
export interface ImagePage<T> {
  readonly images: readonly T[];
  readonly next: string | null;
}

/**
 * Cuts a page out of images that are sorted newest first. The cursor is an image, not a number: what
 * was pushed since the page before moves nothing.
 */
export function cutImages<T extends KnownImage>(
  sorted: readonly T[],
  page: { readonly limit: number; readonly after: string | undefined },
): ImagePage<T> {
  const after = page.after === undefined ? undefined : readCursor(page.after);
  const rest = after === undefined ? sorted : sorted.filter((image) => compareNewestFirst(after, image) < 0);
  const images = rest.length <= page.limit ? rest : rest.slice(0, page.limit);
  const last = images.at(-1);
  return { images, next: last !== undefined && rest.length > images.length ? writeCursor(last) : null };
}

function writeCursor({ tag, createdAt }: KnownImage): string {
  return Buffer.from(`${createdAt?.getTime() ?? ""} ${tag}`).toString("base64url");
}

function readCursor(cursor: string): KnownImage {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const [, ms, tag] = /^(-?\d{1,16})? (\w[\w.-]{0,127})$/.exec(text) ?? [];
  const createdAt = ms === undefined ? undefined : new Date(Number(ms));
  const image = tag === undefined ? undefined : { tag, ...(createdAt !== undefined && { createdAt }) };
  // Written back: base64 decoding forgives what is no base64.
  if (image === undefined || writeCursor(image) !== cursor) throw new SlipwayError("CURSOR_INVALID");
  return image;
}
