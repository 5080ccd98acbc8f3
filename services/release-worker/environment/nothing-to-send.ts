import { isDeepStrictEqual } from "node:util";

import type { Answer } from "./apply-answers.ts";
import type { CommittedDocument, LiveObject } from "./live-object.ts";
import { differences } from "./same-object.ts";

export interface EqualityAsk {
  /** As it would be sent. */
  readonly document: CommittedDocument;
  readonly live: LiveObject;
  /** The same apply without any change of our annotations, as a dry run. */
  readonly dryRun: () => Promise<Answer>;
}

/**
 * Whether an apply would change nothing but our own annotations. What cannot be told without the
 * schema (`cpu: 1000m` is stored as `1`) the API server is asked; an object that we never applied is
 * never equal, since its fields are not ours.
 */
export async function nothingToSend({ document, live, dryRun }: EqualityAsk): Promise<boolean> {
  const found = differences(document, live);
  if (found === undefined) return false;
  if (found.length === 0) return true;
  const answer = await dryRun();
  return answer.status === 200 && isDeepStrictEqual(stored(answer.body as LiveObject), stored(live));
}

/** What of an object is written by those who apply it. */
function stored(object: LiveObject): unknown {
  const { managedFields: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata;
  const { status: ____, ...rest } = object as LiveObject & { readonly status?: unknown };
  return { ...rest, metadata };
}
