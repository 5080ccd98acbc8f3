import { Readable } from "node:stream";
import { z } from "zod";

import { auditEntry, auditPage } from "#common/contracts/audit.ts";
import type { AuditEntry } from "#common/contracts/audit.ts";
import { exportAudit, placeOf, readAudit } from "#common/store/audit-log.ts";
import type { AuditFilter, AuditLogRow } from "#common/store/audit-log.ts";

import { mayOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { instantOf, instantText } from "./instants.ts";
import { at, cursor, pageLimit, problemAnswers, security } from "./schemas.ts";

const auditQuery = z.strictObject({
  principal: z.string().max(800).optional().meta({ description: "A name, or the id behind it." }),
  operation: z.string().max(60).optional(),
  outcome: z.string().max(60).optional(),
  environment: z.string().max(63).optional(),
  job: z.uuid().optional(),
  since: instantText.optional(),
  until: instantText.optional(),
  format: z.literal("jsonl").optional().meta({
    description:
      "All that fits, oldest first, one JSON object a line; each line's `cursor` goes on after it, also later.",
  }),
  limit: pageLimit(1_000, 100),
  cursor,
});

const rowsAtOnce = 1_000;
/** A longer export goes on by the cursor of its last line. */
const mostRows = 1_000_000;

/** `GET /v1/audit`: who did what, why, from where, before and after. */
export function auditRoutes(app: ApiApp, deps: ApiDeps): void {
  app.route({
    ...at("listAudit"),
    schema: {
      summary: "The audit log, newest first; or all of it as lines of JSON",
      tags: ["access"],
      security,
      querystring: auditQuery,
      response: { 200: auditPage, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const principal = principalOf(request);
      const { format, limit, cursor: sealed, since, until, ...narrowed } = request.query;
      const times = { since: momentOf(since, deps), until: momentOf(until, deps) };
      const within = mayOf({ principal, operation: "listAudit" });
      const filter: AuditFilter = { ...narrowed, ...times, within };
      const holder = `${principal.tokenId} audit ${format ?? "page"}`;
      const after = sealed === undefined ? undefined : deps.cursors.open(sealed, holder);
      if (format === "jsonl") {
        const lines = exportLines(deps, { filter, after, holder });
        void reply.type("application/x-ndjson; charset=utf-8").serializer((sent: unknown) => sent as string);
        return reply.send(Readable.from(lines) as never);
      }
      const { rows, next } = await readAudit(deps.store.db, filter, { limit, cursor: after });
      return { entries: rows.map(toEntry), next: next === null ? null : deps.cursors.seal(next, holder) };
    },
  });
}

function momentOf(text: string | undefined, deps: ApiDeps): Date | undefined {
  return text === undefined ? undefined : instantOf(text, deps);
}

interface Export {
  readonly filter: AuditFilter;
  readonly after: string | undefined;
  readonly holder: string;
}

async function* exportLines(deps: ApiDeps, { filter, after, holder }: Export): AsyncGenerator<string> {
  let cursor = after;
  for (let rows = 0; rows < mostRows; rows += rowsAtOnce) {
    const page = await exportAudit(deps.store.db, filter, { limit: rowsAtOnce, cursor });
    yield page.rows
      .map(
        (row) => `${JSON.stringify({ ...toEntry(row), cursor: deps.cursors.seal(placeOf(row), holder) })}\n`,
      )
      .join("");
    if (page.next === null || page.rows.length < rowsAtOnce) return;
    cursor = page.next;
  }
}

function toEntry(row: AuditLogRow): AuditEntry {
  return {
    id: String(row.id),
    at: row.at.toISOString(),
    principal: row.principal,
    principalId: row.principal_id,
    operation: row.operation,
    environment: row.environment,
    job: row.job_id,
    workloads: row.workloads === null ? null : [...row.workloads],
    outcome: row.outcome,
    reason: row.reason,
    address: row.address,
    requestId: row.request_id,
    before: factsOf(row.before),
    after: factsOf(row.after),
    detail: factsOf(row.detail) ?? {},
  };
}

function factsOf(value: unknown): AuditEntry["before"] {
  return auditEntry.shape.before.catch(null).parse(value);
}
