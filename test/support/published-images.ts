import { parseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import { wakeAutomationOfImage } from "#common/store/automation-wakes.ts";
import { recordListing, saveManifest, wantRepositories } from "#common/store/images.ts";
import type { Db } from "#common/store/store.ts";

/** A registry as the scanner would have read it: every tag of a repository, the oldest first. */
export async function publishTags(db: Db, repository: string, tags: readonly string[]): Promise<void> {
  const key = repositoryKey(parseImageRef(repository));
  await wantRepositories(db, [key]);
  const listed = tags.map((tag) => ({ tag, digest: digestOf(repository, tag) }));
  await recordListing(db, { key, etag: null, complete: true, tags: listed });
  for (const [at, { digest }] of listed.entries()) {
    await saveManifest(db, {
      digest,
      media_type: "application/vnd.oci.image.manifest.v1+json",
      kind: "image",
      created_at: new Date(Date.UTC(2026, 0, 1) + at * 3_600_000),
      created_from: "config",
      platforms: ["linux/amd64"],
      labels: {},
    });
  }
  await wakeAutomationOfImage(db, key);
}

function digestOf(repository: string, tag: string): string {
  const hex = Buffer.from(`${repository}:${tag}`).toString("hex").slice(-64).padStart(64, "0");
  return `sha256:${hex}`;
}
