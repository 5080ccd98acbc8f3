import * as images from "#common/store/images.ts";
import { isLikelyToMove, usedTags } from "./choose-tags.ts";
import type { Uses } from "./choose-tags.ts";
import type { ScanDeps } from "./deps.ts";
import { createTagPass } from "./tag-pass.ts";
import type { ScanTarget } from "./tag-pass.ts";

/** Where the look before this one ended, and how many of the unlikely tags it may ask for. */
export interface MoveLook {
  readonly uses: Uses;
  readonly after: string | null;
  readonly unlikely: number;
}

export interface MovesFound {
  readonly moved: boolean;
  /** Where the next look goes on. */
  readonly after: string | null;
}

const tagsPerLook = 200;

/**
 * Asks what known tags name now: those that are likely to move, and each time the next few of the others.
 * A registry's list says nothing of a tag that moved.
 */
export async function lookForMoves(deps: ScanDeps, target: ScanTarget, look: MoveLook): Promise<MovesFound> {
  const { db } = deps.store;
  const { key } = target;
  const known = await images.tagsOf(db, key);
  const used = usedTags(look.uses);
  const named = known.flatMap(({ tag, digest, moved_at: movedAt }) =>
    digest === null ? [] : [{ tag, digest, likely: movedAt !== null || isLikelyToMove(tag, used) }],
  );
  const likely = named.filter((one) => one.likely).slice(0, tagsPerLook);
  const others = named.filter((one) => !one.likely);
  const room = Math.min(look.unlikely, tagsPerLook - likely.length);
  const { some, after } = nextOnes(others, { after: look.after, room });
  const pass = createTagPass(deps, target);
  let moved = false;
  await pass.each([...likely, ...some], async ({ tag, digest }, client, call) => {
    const now = await client.headDigest(target.ref, tag, call);
    if (now === digest) return;
    moved = true;
    if (now === undefined) await images.removeTag(db, { key, tag });
    else await images.setTagDigest(db, { key, tag, digest: now });
  });
  pass.settle();
  return { moved, after };
}

/** The next ones after a tag; from the beginning again once the end was reached. */
function nextOnes<T extends { readonly tag: string }>(
  all: readonly T[],
  { after, room }: { readonly after: string | null; readonly room: number },
): { readonly some: readonly T[]; readonly after: string | null } {
  const rest = after === null ? all : all.filter(({ tag }) => tag > after);
  const from = rest.length > 0 ? rest : all;
  const some = from.slice(0, room);
  return { some, after: some.at(-1)?.tag ?? after };
}
