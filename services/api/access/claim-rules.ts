import type { OidcSettings } from "#common/contracts/oidc-settings.ts";
import type { Grant } from "#common/domain/access.ts";
import { matchesGlob } from "#common/domain/glob.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** What the claims of a token give by the settings of its issuer. */
export interface Given {
  readonly grants: readonly Grant[];
  readonly groups: readonly string[];
}

const mostValues = 500;
const longestValue = 1_000;
const mostGroups = 200;

/** Every rule that fits adds its role and groups; a claim of groups adds its values. */
export function giveByRules(settings: Pick<OidcSettings, "rules" | "groupsClaim">, claims: Claims): Given {
  const fitting = settings.rules.filter((rule) =>
    Object.entries(rule.claims).every(([name, wanted]) => fits(valuesOf(claims, name), [wanted].flat())),
  );
  const grants = fitting.flatMap(({ role, environments, namespaces, workloads }) =>
    role === undefined ? [] : [{ role, scope: { environments, namespaces, workloads } }],
  );
  const claimed = settings.groupsClaim === undefined ? [] : valuesOf(claims, settings.groupsClaim);
  const groups = new Set([...fitting.flatMap((rule) => rule.groups ?? []), ...claimed]);
  return { grants, groups: [...groups].slice(0, mostGroups) };
}

/** A claim's values as texts: of a list each, of a nested one by dots; none when it is absent or no value. */
export function valuesOf(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : nested(claims, name.split("."));
  return [value]
    .flat()
    .slice(0, mostValues)
    .flatMap((one) => {
      // No name holds control characters, and no database would take them all.
      if (typeof one === "string") return one.length <= longestValue && !/\p{C}/u.test(one) ? [one] : [];
      return typeof one === "number" || typeof one === "boolean" ? [String(one)] : [];
    });
}

function nested(claims: Claims, path: readonly string[]): unknown {
  let at: unknown = claims;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Claims)[key];
  }
  return at;
}

function fits(values: readonly string[], patterns: readonly string[]): boolean {
  return values.some((value) => patterns.some((pattern) => matchesGlob(pattern, value)));
}
