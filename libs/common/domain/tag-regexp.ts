import { RE2JS, RE2JSException } from "re2js";

/** A regular expression that takes linear time, whoever wrote it (RE2; no look-around, no back-references). */
export interface TagPattern {
  /** Whether a part of the tag matches. */
  test(tag: string): boolean;
  /** What the named capture holds, the whole tag where there is none; undefined where the tag does not match. */
  key(tag: string): string | undefined;
  readonly captures: readonly string[];
  /** Both ends are tied down. */
  readonly anchored: boolean;
}

/** Compiles RE2 syntax, or says what is wrong with it. */
export function compilePattern(source: string): TagPattern | { readonly fault: string } {
  let pattern: RE2JS;
  try {
    pattern = RE2JS.compile(source);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { fault: error.message.replace(/^error parsing regexp: /, "") };
  }
  const captures = Object.keys(pattern.namedGroups());
  const [capture] = captures;
  return {
    captures,
    anchored: isAnchored(source),
    test: (tag) => pattern.test(tag),
    key(tag) {
      const matcher = pattern.matcher(tag);
      if (!matcher.find()) return undefined;
      return capture === undefined ? tag : (matcher.group(capture) ?? undefined);
    },
  };
}

/** An alternative at the top escapes from one anchor: `^a|b$` matches `xb`, and is told as open too. */
function isAnchored(source: string): boolean {
  const [, inner] = /^(?:\^|\\A)([\s\S]*)(?:\$|\\z)$/.exec(source) ?? [];
  if (inner === undefined || /(?:^|[^\\])(?:\\\\)*\\$/.test(inner)) return false;
  return !hasOpenAlternative(inner);
}

function hasOpenAlternative(source: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at];
    if (char === "\\") at += 1;
    else if (inClass) inClass = char !== "]";
    else if (char === "[") inClass = true;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    else if (char === "|" && depth === 0) return true;
  }
  return false;
}
