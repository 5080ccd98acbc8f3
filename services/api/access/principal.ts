import type { Grant } from "#common/domain/access.ts";

/** Who asks. */
export interface Principal {
  /** Tells it from everybody else: the id of a token, or an issuer's subject. */
  readonly tokenId: string;
  /** As people read it in jobs, commits and the audit log. */
  readonly name: string;
  readonly kind: "token" | "oidc";
  /** What it may do where; never empty. */
  readonly grants: readonly Grant[];
  /** For approvals. */
  readonly groups: readonly string[];
  /** Null: until it is revoked. */
  readonly expiresAt: Date | null;
}

/** "releaser and approver": the roles it has, whatever their scopes. */
export function rolesText({ grants }: Pick<Principal, "grants">): string {
  return [...new Set(grants.map(({ role }) => role))].join(" and ");
}
