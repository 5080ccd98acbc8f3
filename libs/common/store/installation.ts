import { SlipwayError } from "../domain/errors.ts";
import type { Db } from "./db.ts";

/** The key that seals cursors: the given one the first time, the same for everybody from then on. */
export async function ensureCursorKey(db: Db, fresh: Buffer): Promise<Buffer> {
  await db
    .insertInto("installation")
    .values({ cursor_key: fresh })
    .onConflict((conflict) => conflict.column("single").doNothing())
    .execute();
  const row = await db.selectFrom("installation").select("cursor_key").executeTakeFirst();
  if (row === undefined) throw new SlipwayError("INTERNAL", { detail: "the cursor key is not stored" });
  return row.cursor_key;
}
