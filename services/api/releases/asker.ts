import type { FastifyRequest } from "fastify";

import type { OperationName } from "#common/contracts/operations.ts";
import type { AuditEntry } from "#common/store/audit.ts";

import type { Principal } from "../access/principal.ts";
import { principalOf } from "../auth.ts";

/** Who asks for something that is written down, by which request. */
export interface Asker {
  readonly principal: Principal;
  readonly operation: OperationName;
  readonly requestId: string;
  /** The client's address, as far as trusted proxies tell it. */
  readonly address?: string;
  /** Its idempotency key. */
  readonly key: string | undefined;
}

/** Who asks, as a route knows it. */
export function askerOf(
  request: Pick<FastifyRequest, "principal" | "id" | "ip"> & {
    readonly headers: Readonly<Record<string, unknown>>;
  },
  operation: OperationName,
): Asker {
  const given = request.headers["idempotency-key"];
  const key = typeof given === "string" ? given : undefined;
  return { principal: principalOf(request), operation, requestId: request.id, address: request.ip, key };
}

/** What an audit entry says of who asked. */
export function auditOf(
  asker: Asker,
): Pick<AuditEntry, "principal" | "principalId" | "operation" | "requestId" | "address"> {
  const { principal, operation, requestId, address } = asker;
  return { principal: principal.name, principalId: principal.tokenId, operation, requestId, address };
}
