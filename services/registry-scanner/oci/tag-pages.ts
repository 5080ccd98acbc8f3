import { z } from "zod";
import { badAnswer, headerText } from "./failures.ts";
import { nextPageQuery } from "./link.ts";
import { isTag } from "./sites.ts";
import type { HttpAnswer } from "./http.ts";
import type { TagList } from "./types.ts";

export interface PageQuestion {
  /** Query of the page, without `?`; empty for a plain list. */
  readonly query: string;
  readonly etag?: string;
}

const pageLimit = 500;
const tagLimit = 250_000;
const tagsAnswer = z.object({ tags: z.array(z.string()).nullish() });

/** Walks the pages of a tag list until it ends, repeats itself or passes the limits. */
export async function readTagPages(
  ask: (question: PageQuestion) => Promise<HttpAnswer>,
  first: PageQuestion,
): Promise<Omit<TagList, "requests">> {
  const tags = new Set<string>();
  const seen = new Set([first.query]);
  let question = first;
  for (let page = 1; page <= pageLimit && tags.size <= tagLimit; page += 1) {
    const answer = await ask(question);
    if (answer.status === 304) return notModified(first, answer);
    const added = addTags(tags, answer);
    const query = nextPageQuery(answer.headers["link"]);
    if (query === undefined) return { tags: [...tags], complete: true, ...etagOf(answer, page) };
    // An empty page may precede a full one; a page of known tags only is a list that goes in circles.
    if (seen.has(query) || added === "nothing-new") {
      return { tags: [...tags], complete: false, reason: "repeated-page" };
    }
    seen.add(query);
    question = { query };
  }
  return { tags: [...tags], complete: false, reason: "too-many-pages" };
}

function notModified(first: PageQuestion, answer: HttpAnswer): Omit<TagList, "requests"> {
  if (first.etag === undefined) throw badAnswer(answer.url, "304 to an unconditional request");
  return { tags: [], etag: first.etag, notModified: true, complete: true };
}

function addTags(tags: Set<string>, answer: HttpAnswer): "added" | "nothing-new" | "empty" {
  const listed = parseTags(answer);
  if (listed.length === 0) return "empty";
  const before = tags.size;
  // What is not a tag by the grammar cannot stand in a manifest either.
  for (const tag of listed) if (isTag(tag)) tags.add(tag);
  return tags.size === before ? "nothing-new" : "added";
}

function parseTags(answer: HttpAnswer): readonly string[] {
  let json: unknown;
  try {
    json = JSON.parse(answer.body.toString("utf8"));
  } catch (cause) {
    throw badAnswer(answer.url, "the tag list is not JSON", cause);
  }
  const parsed = tagsAnswer.safeParse(json);
  if (!parsed.success) throw badAnswer(answer.url, "not a tag list", parsed.error);
  return parsed.data.tags ?? [];
}

// The validator of a first page of many stays the same when the last page grows.
function etagOf(answer: HttpAnswer, pages: number): { etag?: string } {
  const etag = headerText(answer, "etag");
  return etag !== undefined && pages === 1 ? { etag } : {};
}
