import { wakeImageWaits } from "#common/store/image-hints.ts";
import * as images from "#common/store/images.ts";
import { isPushedAgain } from "./choose-tags.ts";
import type { ScanDeps } from "./deps.ts";
import type { ImageDescription, OpenedImage } from "./oci/types.ts";
import { saveDescriptions } from "./save-description.ts";
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
  const likely = some.filter((one) => isAlias(one));
  const own = some.filter((one) => !isAlias(one));
  let aliases = false;
  for (const part of [...parts(own), ...parts(likely)]) {
    // A single new tag most likely names a new image, whatever its name.
    const headFirst = aliases || (some.length > 1 && isAlias(part[0]));
    const found = await nameDigests(deps, { target, pass, part, headFirst });
    const known = await describeDigests(deps, { target, pass, found });
    aliases ||= known;
  }
  // Somebody may wait for just these.
  await wakeImageWaits(deps.store.db, target.key);
  pass.settle();
}

/** What is read and written together: the store is asked for it once, and a scan that is cut keeps the parts before. */
const partSize = 25;

function parts(all: readonly MissingImage[]): readonly (readonly MissingImage[])[] {
  return Array.from({ length: Math.ceil(all.length / partSize) }, (_, index) =>
    all.slice(index * partSize, (index + 1) * partSize),
  );
}

function isAlias(image: MissingImage | undefined): boolean {
  return image?.digest === null && isPushedAgain(image.tag);
}

interface Reading {
  readonly target: ScanTarget;
  readonly pass: TagPass;
}

interface FoundImage {
  readonly tag: string;
  readonly digest: string;
  /** Its manifest, where it was read. */
  readonly opened?: OpenedImage;
}

/**
 * Finds out what tags name. Most name an image of their own, whose manifest must be read anyway: it tells the
 * digest. Where tags are other names of images, a HEAD saves that.
 */
async function nameDigests(
  deps: ScanDeps,
  o: Reading & { readonly part: readonly MissingImage[]; readonly headFirst: boolean },
): Promise<readonly FoundImage[]> {
  const { target, pass, part, headFirst } = o;
  const unnamed = part.filter(({ digest }) => digest === null);
  const found: FoundImage[] = [];
  await pass.each(unnamed, async ({ tag }, client, call) => {
    if (!headFirst) {
      const opened = await client.open(target.ref, tag, call);
      found.push({ tag, digest: opened.digest, opened });
      return;
    }
    const digest = await client.headDigest(target.ref, tag, call);
    // Listed, yet not there: some registries keep the tags of deleted images in the list.
    if (digest === undefined) quieten(target.memory, tag, deps.clock.monotonicMs());
    else found.push({ tag, digest });
  });
  await images.setTagDigests(deps.store.db, target.key, found);
  return [...found, ...part.flatMap(({ tag, digest }) => (digest === null ? [] : [{ tag, digest }]))];
}

/** Tells whether manifests were read of images that are known by another name. */
async function describeDigests(
  deps: ScanDeps,
  { target, pass, found }: Reading & { readonly found: readonly FoundImage[] },
): Promise<boolean> {
  const { db } = deps.store;
  const unknown = await images.undescribed(
    db,
    found.map(({ digest }) => digest),
  );
  const wanted = new Map<string, FoundImage>();
  for (const one of found) {
    if (unknown.has(one.digest) && !wanted.has(one.digest)) wanted.set(one.digest, one);
  }
  const described: ImageDescription[] = [];
  await pass.each([...wanted.values()], async ({ digest, opened }, client, call) => {
    const description = opened?.describe(call) ?? client.describe(target.ref, digest, call);
    described.push(await description);
  });
  await saveDescriptions(db, described);
  return found.some((one) => one.opened !== undefined && wanted.get(one.digest) !== one);
}
