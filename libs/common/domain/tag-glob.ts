/** A glob taken apart: `*`, `?`, `[…]` and what stands for itself. */
export type GlobPart = { readonly star: true } | { readonly star: false; matches(char: string): boolean };

const mostGlobParts = 256;

/**
 * Reads a glob, or says what cannot stand in one. Matched in linear steps by our own hand: a regular
 * expression made of many stars can take for ever.
 */
export function parseGlob(pattern: string): readonly GlobPart[] | { readonly fault: string } {
  const parts: GlobPart[] = [];
  const tokens = pattern.match(/\[[!^]?[^\]]+\]|[\s\S]/g) ?? [];
  for (const token of tokens.slice(0, mostGlobParts)) {
    if (token === "*") parts.push({ star: true });
    else if (token === "?") parts.push({ star: false, matches: () => true });
    else if (token.length > 1) parts.push({ star: false, matches: charSet(token) });
    else if (/[\w.-]/.test(token)) parts.push({ star: false, matches: (char) => char === token });
    else return { fault: `"${token}" cannot stand in a tag; a glob knows *, ? and […]` };
  }
  return parts;
}

function charSet(token: string): (char: string) => boolean {
  const negated = /^\[[!^]/.test(token);
  const body = token.slice(negated ? 2 : 1, -1);
  const ranges = body.match(/[^-]-[^-]|[\s\S]/g) ?? [];
  return (char) => {
    const inside = ranges.some((range) => (range[0] ?? "") <= char && char <= (range[2] ?? range[0] ?? ""));
    return inside !== negated;
  };
}

/** The classic two-pointer match: on a mismatch go back to the last star only. */
export function globMatches(parts: readonly GlobPart[], text: string): boolean {
  let at = 0;
  let part = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const current = parts[part];
    if (current?.star === true) {
      star = part;
      part += 1;
      resumeAt = at;
    } else if (current?.matches(text[at] ?? "") === true) {
      at += 1;
      part += 1;
    } else if (star === -1) {
      return false;
    } else {
      part = star + 1;
      resumeAt += 1;
      at = resumeAt;
    }
  }
  return parts.slice(part).every((rest) => rest.star);
}
