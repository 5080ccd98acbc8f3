import type { Workload } from "#common/contracts/http.ts";
import { kindLayout, parseWorkloadId } from "#common/domain/workload.ts";
import type { AskedWorkload } from "#common/domain/workload.ts";

/** What a typed name means among the workloads there are. */
export type Resolution =
  | { readonly kind: "found"; readonly workload: Workload }
  | { readonly kind: "several"; readonly candidates: readonly string[] }
  | { readonly kind: "none"; readonly near: readonly string[] };

/**
 * `front-end`, `deployment/front-end`, `sock-shop/front-end` or `sock-shop:deployment/front-end`;
 * short forms are looked for in `namespace`, or everywhere without one.
 */
export function resolveWorkload(
  text: string,
  known: readonly Workload[],
  o: { readonly namespace?: string | undefined } = {},
): Resolution {
  const inScope = (workload: Workload) => o.namespace === undefined || workload.namespace === o.namespace;
  const found = readings(text)
    .map((asked) => known.filter((workload) => matches(workload, asked, inScope(workload))))
    .find((some) => some.length > 0);
  const [first, ...others] = found ?? [];
  if (first === undefined) return { kind: "none", near: nearNames(text, known) };
  if (others.length === 0) return { kind: "found", workload: first };
  return { kind: "several", candidates: (found ?? []).map((workload) => workload.id).slice(0, 20) };
}

interface Reading extends Omit<AskedWorkload, "namespace"> {
  readonly namespace?: string;
}

function readings(text: string): readonly Reading[] {
  if (!/[:/]/.test(text)) return [{ name: text }];
  const asked = tryParse(text);
  if (asked === undefined) return [];
  // "deployment/front-end", kubectl's habit, reads like a namespace; the real namespace goes first.
  const kind = asked.kind === undefined ? tryParse(`any:${asked.namespace}/${asked.name}`)?.kind : undefined;
  const isKind = kind !== undefined && kindLayout(kind) !== undefined;
  return isKind ? [asked, { kind, name: asked.name }] : [asked];
}

function tryParse(text: string): AskedWorkload | undefined {
  try {
    return parseWorkloadId(text);
  } catch {
    // Not an id: it then names nothing, and the caller says so with what is near.
    return undefined;
  }
}

function matches(workload: Workload, asked: Reading, inScope: boolean): boolean {
  const kindFits = asked.kind === undefined || workload.kind.toLowerCase() === asked.kind;
  const namespaceFits = asked.namespace === undefined ? inScope : workload.namespace === asked.namespace;
  return workload.name === asked.name && kindFits && namespaceFits;
}

const nearLimit = 3;

function nearNames(text: string, known: readonly Workload[]): readonly string[] {
  const name = text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1).slice(0, 100);
  const most = Math.max(2, Math.floor(name.length / 3));
  const scored = known.map((workload) => ({
    id: `${workload.namespace}/${workload.name}`,
    score: scoreOf(name, workload.name),
  }));
  const near = scored.filter(({ score }) => score <= most).sort((a, b) => a.score - b.score);
  return [...new Set(near.map(({ id }) => id))].slice(0, nearLimit);
}

function scoreOf(asked: string, name: string): number {
  if (name === asked) return 0;
  if (name.replaceAll("-", "") === asked.replaceAll("-", "")) return 0.5;
  if (asked.length >= 3 && name.includes(asked)) return 1.5;
  return editDistance(asked, name.slice(0, 100));
}

/** Levenshtein's, over one row; both texts are at most 100 characters. */
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
