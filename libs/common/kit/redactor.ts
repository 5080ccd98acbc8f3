/** Replaces known secrets, wherever they turn up in a text. */
export interface Redactor {
  /** From now on this value never leaves; values under 4 characters are ignored (they hide nothing). */
  add(secret: string | undefined): void;
  redact(text: string): string;
}

const shortestSecret = 4;
const mostSecrets = 10_000;
const replacement = "[redacted]";

/** Makes a redactor; each secret is also known in its JSON, URL and base64 spellings. */
export function createRedactor(): Redactor {
  const spellings = new Set<string>();
  let longestFirst: readonly string[] = [];
  return {
    add(secret) {
      if (secret === undefined || secret.length < shortestSecret || spellings.size >= mostSecrets) return;
      for (const spelling of spellingsOf(secret)) spellings.add(spelling);
      longestFirst = [...spellings].sort((a, b) => b.length - a.length);
    },
    redact(text) {
      let clean = text;
      for (const spelling of longestFirst) {
        if (clean.includes(spelling)) clean = clean.replaceAll(spelling, replacement);
      }
      return clean;
    },
  };
}

function spellingsOf(secret: string): readonly string[] {
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  ];
}
