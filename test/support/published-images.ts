import { sql } from "kysely";

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

/** Many repositories (by key) with the tags `1.0.0`, `1.1.0`, …, as scans leave them. */
export async function publishEverywhere(
  db: Db,
  { keys, tags }: { readonly keys: readonly string[]; readonly tags: number },
): Promise<void> {
  await sql`
    insert into image_repositories (key, wanted_at, scanned_at, first_scanned_at, complete)
    select key, now(), now(), now(), true from unnest(${[...keys]}::text[]) as key
    on conflict (key) do update set scanned_at = now()`.execute(db);
  await sql`
    insert into image_manifests (digest, media_type, kind, created_at, platforms)
    select 'sha256:' || lpad(n::text, 64, '0'), 'm', 'image', timestamptz '2026-01-01' + n * interval '1 day',
      '["linux/amd64"]'
    from generate_series(0, ${tags - 1}::int) as n on conflict do nothing`.execute(db);
  await sql`
    insert into image_tags (repository, tag, digest)
    select key, '1.' || n || '.0', 'sha256:' || lpad(n::text, 64, '0')
    from unnest(${[...keys]}::text[]) as key, generate_series(0, ${tags - 1}::int) as n
    on conflict do nothing`.execute(db);
}

/** Automated jobs so far, the containers they bring, and pushes of any kind. */
export async function countAutomated(
  db: Db,
): Promise<{ readonly jobs: number; readonly containers: number; readonly pushes: number }> {
  const { rows } = await sql<{ jobs: number; containers: number; pushes: number }>`
    select count(*)::int as jobs, sum(jsonb_array_length(spec->'only'->'containers'))::int as containers,
      (select count(*)::int from push_attempts) as pushes
    from jobs where origin = 'automation'`.execute(db);
  return rows[0] ?? { jobs: 0, containers: 0, pushes: 0 };
}
