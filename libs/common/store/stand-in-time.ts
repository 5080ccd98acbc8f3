import { sql } from "kysely";

/** What comes so soon after a repository's first tag is of its first list. */
const firstList = sql`interval '10 minutes'`;

/**
 * When a described image without a date was seen to appear (`t` its tag, `m` its manifest, `r` its
 * repository): the time of its tag's last move, or of the list that brought it. Null where the image has a
 * date, where it was there with the first list, and where lists are cut, since then nobody knows what is new.
 */
export const standInTime = sql<Date | null>`
  case when m.digest is not null and m.created_at is null then
    coalesce(t.moved_at, case when r.complete and t.first_seen_at > ${firstList} + (
      select min(oldest.first_seen_at) from image_tags oldest where oldest.repository = t.repository)
    then t.first_seen_at end)
  end`;
