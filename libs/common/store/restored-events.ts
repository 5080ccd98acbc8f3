import { sql } from "kysely";

import type { Db } from "./db.ts";

/**
 * Events are read in the order of transactions. A restored database may be on a server that counts them
 * from lower numbers: what was written before would come after all that follows, or never. It is put first,
 * by the first process to start: until then all there is was written on the other server.
 */
export async function settleRestoredEvents(db: Db): Promise<void> {
  await sql`update events set xid = '1'::xid8
    where exists (select 1 from events where xid >= pg_snapshot_xmax(pg_current_snapshot()))`.execute(db);
}
