import { wakeImageWaits } from "#common/store/image-hints.ts";
import * as images from "#common/store/images.ts";
import type { ScanDeps } from "./deps.ts";
import { saveDescription } from "./save-description.ts";
import { isQuiet, quieten } from "./scan-memory.ts";
import { createTagPass } from "./tag-pass.ts";
import type { ScanTarget, TagPass } from "./tag-pass.ts";

/** A tag whose digest, or whose digest's description, is not known. */
export interface MissingImage {
  readonly tag: string;
  readonly digest: string | null;
  /** It came after the first listing: it is news. */
  readonly late: boolean;
}

const imagesPerScan = 200;
const missingLimit = 10_000;

/** What is still to be read of a repository and may be tried now; highest tag first. */
export async function missingImages(
  deps: ScanDeps,
  target: ScanTarget,
  { evenQuiet }: { readonly evenQuiet: boolean },
): Promise<readonly MissingImage[]> {
  const missing = await images.missingManifests(deps.store.db, target.key, missingLimit);
  const nowMs = deps.clock.monotonicMs();
  const now = evenQuiet ? missing : missing.filter(({ tag }) => !isQuiet(target.memory, tag, nowMs));
  return now.toSorted((a, b) => byNumbersInside.compare(b.tag, a.tag));
}

// What is likely the newest comes first: where there are too many, the rest is for later scans.
const byNumbersInside = new Intl.Collator("en", { numeric: true });

/** Reads digests and descriptions that are missing; each digest is described once, for ever. */
export async function readImages(
  deps: ScanDeps,
  target: ScanTarget,
  missing: readonly MissingImage[],
): Promise<void> {
  const some = missing.slice(0, imagesPerScan);
  const pass = createTagPass(deps, target);
  const [only] = some;
  if (missing.length === 1 && only?.digest === null) await describeTag(deps, { target, pass, tag: only.tag });
  else await describeDigests(deps, { target, pass, some });
  // Somebody may wait for just these.
  await wakeImageWaits(deps.store.db, target.key);
  pass.settle();
}

interface Reading {
  readonly target: ScanTarget;
  readonly pass: TagPass;
}

// A single new tag most likely names a new image: asking for its digest first would be one request more.
async function describeTag(deps: ScanDeps, o: Reading & { readonly tag: string }): Promise<void> {
  const { db } = deps.store;
  await o.pass.each([{ tag: o.tag }], async ({ tag }, client, call) => {
    const description = await client.describe(o.target.ref, tag, call);
    await saveDescription(db, description);
    await images.setTagDigest(db, { key: o.target.key, tag, digest: description.digest });
  });
}

async function describeDigests(
  deps: ScanDeps,
  { target, pass, some }: Reading & { readonly some: readonly MissingImage[] },
): Promise<void> {
  const { db } = deps.store;
  const unnamed = some.filter(({ digest }) => digest === null);
  await pass.each(unnamed, async ({ tag }, client, call) => {
    const digest = await client.headDigest(target.ref, tag, call);
    // Listed, yet not there: some registries keep the tags of deleted images in the list.
    if (digest === undefined) quieten(target.memory, tag, deps.clock.monotonicMs());
    else await images.setTagDigest(db, { key: target.key, tag, digest });
  });
  const chosen = new Set(some.map(({ tag }) => tag));
  const left = await images.missingManifests(db, target.key, missingLimit);
  const undescribed = new Map<string, { tag: string; digest: string }>();
  for (const { tag, digest } of left) {
    if (digest !== null && chosen.has(tag) && !undescribed.has(digest))
      undescribed.set(digest, { tag, digest });
  }
  await pass.each([...undescribed.values()], async ({ digest }, client, call) => {
    await saveDescription(db, await client.describe(target.ref, digest, call));
  });
}
