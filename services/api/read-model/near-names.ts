import { editDistance } from "#common/domain/edit-distance.ts";

const mostNear = 3;
const longest = 100;

/** The names most like the one that was meant, at most three: the same elsewhere, a part of it, a slip of the keys. */
export function nearNames(asked: string, known: readonly string[]): string[] {
  const name = lastPart(asked);
  const most = Math.max(1, Math.floor(name.length / 4));
  const scored = [...new Set(known)].map((full) => ({ full, score: distance(name, lastPart(full)) }));
  const near = scored.filter(({ score }) => score <= most).sort((a, b) => a.score - b.score);
  return near.slice(0, mostNear).map(({ full }) => full);
}

function lastPart(text: string): string {
  return text.slice(text.lastIndexOf("/") + 1).slice(0, longest);
}

function distance(asked: string, name: string): number {
  if (asked === name) return 0;
  if (asked.length >= 3 && name.includes(asked)) return 1;
  return editDistance(asked, name);
}
