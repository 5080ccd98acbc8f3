import * as images from "#common/store/images.ts";
import type { NewManifest } from "#common/store/images.ts";
import type { Db } from "#common/store/store.ts";
import type { ImageDescription } from "./oci/types.ts";

/** Keeps what digests say of themselves, for ever. */
export async function saveDescriptions(db: Db, descriptions: readonly ImageDescription[]): Promise<void> {
  await images.saveManifests(db, descriptions.map(toRow));
}

function toRow(description: ImageDescription): NewManifest {
  const { sizeBytes } = description;
  return {
    digest: description.digest,
    media_type: storable(description.mediaType),
    kind: description.kind,
    created_at: description.createdAt ?? null,
    created_from: description.createdFrom ?? null,
    platforms: description.platforms.map(storable),
    labels: Object.fromEntries(
      Object.entries(description.labels).map(([name, value]) => [storable(name), storable(value)]),
    ),
    size_bytes: sizeBytes !== undefined && Number.isSafeInteger(sizeBytes) ? BigInt(sizeBytes) : null,
  };
}

/** Without what Postgres refuses to hold: zero characters and halves of characters. */
export function storable(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
