const nearLimit = 3;
const comparedCharacters = 100;

/** What was probably meant: at most three of the known names, the nearest first. */
export function nearest(asked: string, known: Iterable<string>): readonly string[] {
  const name = asked.slice(0, comparedCharacters);
  const most = Math.max(2, Math.floor(name.length / 3));
  const scored = [...new Set(known)].map((one) => ({ one, score: distance(name, one) }));
  const near = scored.filter(({ score }) => score <= most).sort((a, b) => a.score - b.score);
  return near.slice(0, nearLimit).map(({ one }) => one);
}

/** "did you mean a or b?", or nothing when nothing is near. */
export function didYouMean(near: readonly string[]): string | undefined {
  return near.length === 0 ? undefined : `did you mean ${near.join(" or ")}?`;
}

/** 0 for the same name; less than an edit for what differs by hyphens or is a part. */
function distance(asked: string, name: string): number {
  if (name === asked) return 0;
  if (name.replaceAll("-", "") === asked.replaceAll("-", "")) return 0.5;
  if (asked.length >= 3 && name.includes(asked)) return 1.5;
  return editDistance(asked.slice(0, comparedCharacters), name.slice(0, comparedCharacters));
}

/** Levenshtein's, over one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
