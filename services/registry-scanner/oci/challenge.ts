/** One challenge of a WWW-Authenticate header; scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const headerLimit = 16_384;
const tokenPattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;

/** The challenges of one or several WWW-Authenticate headers, in order; what does not parse is stepped over. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const text = typeof header === "string" ? header : (header ?? []).join(", ");
  return scanChallenges(text.slice(0, headerLimit));
}

function scanChallenges(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  while (at < text.length) {
    const token = tokenAt(text, at);
    if (token === "") {
      at += 1; // a comma, a space, or junk
      continue;
    }
    at = skipSpaces(text, at + token.length);
    const current = challenges.at(-1);
    if (text[at] === "=" && current !== undefined) {
      const value = valueAt(text, skipSpaces(text, at + 1));
      current.parameters.set(token.toLowerCase(), value.text);
      at = value.end;
    } else {
      challenges.push({ scheme: token.toLowerCase(), parameters: new Map() });
    }
  }
  return challenges;
}

function tokenAt(text: string, at: number): string {
  tokenPattern.lastIndex = at;
  return tokenPattern.exec(text)?.[0] ?? "";
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}

function valueAt(text: string, start: number): { text: string; end: number } {
  if (text[start] !== '"') {
    const token = tokenAt(text, start);
    return { text: token, end: start + token.length };
  }
  let value = "";
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") at += 1;
    value += text[at] ?? "";
    at += 1;
  }
  return { text: value, end: at + 1 };
}
