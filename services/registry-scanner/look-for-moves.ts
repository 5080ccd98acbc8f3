import * as images from "#common/store/images.ts";
import type { ScanDeps } from "./deps.ts";
import { createTagPass } from "./tag-pass.ts";
import type { ScanTarget } from "./tag-pass.ts";

const tagsPerLook = 200;

/** Asks what known tags name now; of more than 200, each time the next ones. Tells whether one moved. */
export async function lookForMoves(deps: ScanDeps, target: ScanTarget): Promise<boolean> {
  const { db } = deps.store;
  const { key, memory } = target;
  const known = (await images.imagesOf(db, [key])).get(key)?.images ?? [];
  const named = known.flatMap(({ tag, digest }) => (digest === null ? [] : [{ tag, digest }]));
  named.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const from = memory.movesFrom < named.length ? memory.movesFrom : 0;
  const pass = createTagPass(deps, target);
  let moved = false;
  await pass.each(named.slice(from, from + tagsPerLook), async ({ tag, digest }, client, call) => {
    const now = await client.headDigest(target.ref, tag, call);
    if (now === digest) return;
    moved = true;
    if (now === undefined) await images.removeTag(db, { key, tag });
    else await images.setTagDigest(db, { key, tag, digest: now });
  });
  pass.settle();
  memory.movesFrom = from + tagsPerLook;
  memory.movesAtMs = deps.clock.monotonicMs();
  memory.scansSince = 0;
  return moved;
}
