import type { AuditEntry, AuditPage } from "#common/contracts/audit.ts";
import type {
  CreatedToken,
  Identity,
  RevokedToken,
  Token,
  TokenPage,
  TokenRequestInput,
} from "#common/contracts/tokens.ts";
import { operations } from "#common/contracts/operations.ts";

import type { Transport } from "./http.ts";

export interface AuditQuery {
  readonly principal?: string | undefined;
  readonly operation?: string | undefined;
  readonly outcome?: string | undefined;
  readonly environment?: string | undefined;
  readonly job?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Who one is, tokens and the audit log, as the command line asks for them. */
export interface AccessClient {
  identity(): Promise<Identity>;
  createToken(body: TokenRequestInput): Promise<CreatedToken>;
  /** Newest first; with `all` also those that ended. */
  tokens(all: boolean): Promise<readonly Token[]>;
  revokeToken(id: string): Promise<RevokedToken>;
  /** Newest first; `limit` 0 is as many as there are, up to 10,000. */
  audit(query: AuditQuery, limit: number): Promise<readonly AuditEntry[]>;
  /** All of it, oldest first, one JSON object each. */
  auditLines(query: AuditQuery): AsyncGenerator<string>;
}

const pageSize = 500;
const mostRows = 10_000;

export function createAccessClient(transport: Transport): AccessClient {
  return {
    identity: () => transport.json({ method: "GET", path: operations.getIdentity.path }),
    createToken: (body) => transport.json({ method: "POST", path: operations.createToken.path, body }),
    revokeToken: (id) =>
      transport.json({
        method: "DELETE",
        path: operations.revokeToken.path.replace(":id", encodeURIComponent(id)),
      }),
    tokens: (all) =>
      pages(mostRows, async (limit, cursor) => {
        const query = { limit, cursor, all: all ? "true" : undefined };
        const page = await transport.json<TokenPage>({
          method: "GET",
          path: operations.listTokens.path,
          query,
        });
        return { rows: page.tokens, next: page.next };
      }),
    audit: (asked, wanted) =>
      pages(wanted <= 0 ? mostRows : Math.min(wanted, mostRows), async (limit, cursor) => {
        const query = { ...asked, limit, cursor };
        const page = await transport.json<AuditPage>({
          method: "GET",
          path: operations.listAudit.path,
          query,
        });
        return { rows: page.entries, next: page.next };
      }),
    auditLines: (asked) => linesOf(transport, asked),
  };
}

interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}

async function pages<T>(
  wanted: number,
  ask: (limit: number, cursor: string | undefined) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const rows: T[] = [];
  let cursor: string | undefined;
  while (rows.length < wanted) {
    const page = await ask(Math.min(pageSize, wanted - rows.length), cursor);
    rows.push(...page.rows);
    // An empty page would let the loop turn for ever.
    if (page.next === null || page.rows.length === 0) break;
    cursor = page.next;
  }
  return rows;
}

async function* linesOf(transport: Transport, asked: AuditQuery): AsyncGenerator<string> {
  const query = { ...asked, format: "jsonl" };
  const answer = await transport.stream({ method: "GET", path: operations.listAudit.path, query });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of answer.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
