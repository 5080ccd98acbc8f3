import type { CreatedToken, Token } from "#common/contracts/tokens.ts";
import { scopeText } from "#common/domain/access.ts";

import { tableLines } from "./table.ts";

/** One row per token; wide adds who made it and for which groups. */
export function tokenLines(
  tokens: readonly Token[],
  style: { readonly headers: boolean; readonly wide: boolean },
): readonly string[] {
  const heading = ["ID", "NAME", "ROLE", "SCOPE", "ENDS IN", "LAST USED", "STATE"];
  const rows = tokens.map((token) => {
    const { id, name, role, scope, ending, expiresAt, lastUsedAt, state, createdBy, groups } = token;
    const until = state === "active" && expiresAt !== null ? `${state} until ${day(expiresAt)}` : state;
    const sight = ending === "" ? "-" : `…${ending}`;
    const used = lastUsedAt === null ? "never" : minute(lastUsedAt);
    const row = [id.slice(-8), name, role, scopeText(scope), sight, used, until];
    return style.wide ? [...row, createdBy ?? "-", groups.join(",") || "-", id] : row;
  });
  const full = style.wide ? [...heading, "MADE BY", "GROUPS", "WHOLE ID"] : heading;
  return tableLines(style.headers ? [full, ...rows] : rows);
}

/** What is said beside a new token's secret. */
export function createdLine({ name, role, scope, expiresAt, id }: CreatedToken): string {
  const until = expiresAt === null ? "until it is revoked" : `until ${minute(expiresAt)} UTC`;
  return `Token ${name} (${id.slice(-8)}): ${role} of ${scopeText(scope)}, ${until}. It is shown this once.`;
}

function day(instant: string): string {
  return instant.slice(0, 10);
}

function minute(instant: string): string {
  return instant.slice(0, 16).replace("T", " ");
}
