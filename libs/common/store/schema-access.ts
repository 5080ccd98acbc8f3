import type { ColumnType, Generated } from "kysely";

import type { Role, Scope } from "../domain/access.ts";
import type { Big, GeneratedBig, Json, NullableTime, Time } from "./schema-columns.ts";

/** The tables of who may do what, who did what, and who is told of it. */

export interface TokensTable {
  id: string;
  hash: Buffer;
  name: string;
  role: Role;
  scope: ColumnType<Scope, string | undefined, string>;
  groups: ColumnType<readonly string[], string[] | undefined, string[]>;
  ending: Generated<string>;
  created_by: string | null;
  made_by: string | null;
  created_at: Time;
  expires_at: NullableTime;
  last_used_at: NullableTime;
  revoked_at: NullableTime;
  revoked_by: string | null;
}

export interface AuditTable {
  id: GeneratedBig;
  /** xid8, as text: it orders rows by when their transactions began. */
  xid: ColumnType<string, undefined, never>;
  at: Time;
  principal: string;
  principal_id: string | null;
  operation: string;
  environment: string | null;
  job_id: string | null;
  outcome: string;
  reason: string | null;
  address: string | null;
  request_id: string | null;
  before: ColumnType<unknown, string | null | undefined, never>;
  after: ColumnType<unknown, string | null | undefined, never>;
  detail: ColumnType<unknown, string | undefined, never>;
  workloads: ColumnType<readonly string[] | null, string[] | null | undefined, never>;
}

export interface DeliveriesTable {
  id: string;
  receiver: string;
  event_id: Big;
  subject: string;
  environment: string;
  kind: string;
  body: Json<Readonly<Record<string, unknown>>>;
  state: Generated<"pending" | "delivered" | "dead">;
  attempt: Generated<number>;
  due_at: Time;
  created_at: Time;
  ended_at: NullableTime;
  problem: string | null;
}
