import type { CreatedToken, RevokedToken, Token, TokenRequest } from "#common/contracts/tokens.ts";
import { coversEverything, isWithin, reachOf, scopeText } from "#common/domain/access.ts";
import type { Grant } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { writeAudit } from "#common/store/audit.ts";
import { addToken, findToken, listTokens, refuseTooManyTokens, revokeToken } from "#common/store/tokens.ts";
import type { TokenRow } from "#common/store/tokens.ts";

import type { ApiDeps } from "../deps.ts";
import { auditOf } from "../releases/asker.ts";
import type { Asker } from "../releases/asker.ts";
import type { Principal } from "./principal.ts";
import { endingOf, hashToken, newTokenSecret } from "./token-secret.ts";

type TokenDeps = Pick<ApiDeps, "store" | "newId" | "principals">;

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Makes a token that may do nothing its maker may not; FORBIDDEN else. */
export async function createToken(deps: TokenDeps, asker: Asker, asked: TokenRequest): Promise<CreatedToken> {
  const { principal } = asker;
  const { name, role, scope, groups } = asked;
  const now = await deps.store.now();
  const expiresAt = expiryOf(asked.expiresIn, { now, latest: principal.expiresAt });
  refuseStronger(principal, { grant: { role, scope }, groups, expiresAt });
  const secret = newTokenSecret();
  const id = deps.newId();
  const row = await deps.store.transaction(async (tx) => {
    await refuseTooManyTokens(tx);
    const madeBy = principal.kind === "token" ? principal.tokenId : null;
    const made = {
      id,
      hash: hashToken(secret),
      name,
      role,
      scope,
      groups,
      ending: endingOf(secret),
      expiresAt,
    };
    await addToken(tx, { ...made, createdBy: principal.name, madeBy });
    const after = { token: id, name, role, scope, groups, expiresAt: expiresAt?.toISOString() ?? null };
    await writeAudit(tx, { ...auditOf(asker), outcome: "created", after });
    return findToken(tx, id);
  });
  if (row === undefined) throw new SlipwayError("INTERNAL", { detail: "the token was not stored" });
  return { ...toToken(row, now), secret };
}

/** Tokens that are not stronger than who asks, newest first; with `all` also those that ended. */
export async function seenTokens(
  deps: TokenDeps,
  principal: Principal,
  { all }: { readonly all: boolean },
): Promise<readonly Token[]> {
  const [rows, now] = await Promise.all([listTokens(deps.store.db), deps.store.now()]);
  const tokens = rows.filter((row) => isSeen(principal, row)).map((row) => toToken(row, now));
  return all ? tokens : tokens.filter(({ state }) => state === "active");
}

/** Ends a token and all that it made; one that has ended stays as it is. TOKEN_NOT_FOUND. */
export async function endToken(deps: TokenDeps, asker: Asker, id: string): Promise<RevokedToken> {
  const { principal } = asker;
  const { before, row, ended } = await deps.store.transaction(async (tx) => {
    const known = await findToken(tx, id);
    if (known === undefined || !isSeen(principal, known))
      throw new SlipwayError("TOKEN_NOT_FOUND", { detail: `"${id}"` });
    const revoked = await revokeToken(tx, id, principal.name);
    if (revoked.length > 0) {
      const { name, role, scope } = known;
      await writeAudit(tx, {
        ...auditOf(asker),
        outcome: "revoked",
        before: { token: id, name, role, scope },
        after: { revoked: revoked.map((one) => one.id) },
      });
    }
    return { before: known, row: await findToken(tx, id), ended: revoked };
  });
  deps.principals.forget(ended.map((one) => one.id));
  const descendants = ended.filter((one) => one.id !== id).length;
  return { ...toToken(row ?? before, await deps.store.now()), descendants };
}

const usualMs = 90 * unitMs.d;

function expiryOf(
  text: string | undefined,
  { now, latest }: { readonly now: Date; readonly latest: Date | null },
): Date | null {
  if (text === "never") return null;
  if (text === undefined) {
    const usual = new Date(now.getTime() + usualMs);
    return latest !== null && latest < usual ? latest : usual;
  }
  const unit = unitMs[text.slice(-1) as keyof typeof unitMs];
  return new Date(now.getTime() + Number.parseInt(text, 10) * unit);
}

interface Wanted {
  readonly grant: Grant;
  readonly groups: readonly string[];
  readonly expiresAt: Date | null;
}

function refuseStronger(maker: Principal, { grant, groups, expiresAt }: Wanted): void {
  if (!isWithin([grant], maker.grants)) {
    const has = maker.grants.map(({ role, scope }) => `${role} of ${scopeText(scope)}`).join(" and ");
    throw tooStrong(
      `"${maker.name}" is ${has}, which ${grant.role} of ${scopeText(grant.scope)} is not part of`,
    );
  }
  const strange = groups.find((group) => !maker.groups.includes(group));
  if (strange !== undefined && !coversEverything(reachOf(maker.grants, "admin"))) {
    throw tooStrong(`"${maker.name}" is not in the group ${strange}`);
  }
  const { expiresAt: latest } = maker;
  if (latest !== null && (expiresAt === null || expiresAt > latest)) {
    throw tooStrong(`"${maker.name}" itself counts until ${latest.toISOString()}`);
  }
}

function tooStrong(detail: string): SlipwayError {
  return new SlipwayError("FORBIDDEN", {
    detail,
    hint: "a token can only be made by one that may do as much, for as long",
  });
}

/** Only who could have made it may know of it. */
function isSeen(principal: Principal, { role, scope }: TokenRow): boolean {
  const admin = principal.grants.filter((grant) => grant.role === "admin");
  return isWithin([{ role, scope }], admin);
}

function toToken(row: TokenRow, now: Date): Token {
  const { id, name, role, scope, groups, ending } = row;
  const isOver = row.expires_at !== null && row.expires_at <= now;
  return {
    id,
    name,
    role,
    scope: {
      ...(scope.environments !== undefined && { environments: [...scope.environments] }),
      ...(scope.namespaces !== undefined && { namespaces: [...scope.namespaces] }),
      ...(scope.workloads !== undefined && { workloads: [...scope.workloads] }),
    },
    groups: [...groups],
    ending,
    state: row.revoked_at !== null ? "revoked" : isOver ? "expired" : "active",
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
    revokedBy: row.revoked_by,
  };
}
