import type { Workload } from "#common/contracts/http.ts";
import { kindLayout, parseWorkloadId } from "#common/domain/workload.ts";
import type { AskedWorkload } from "#common/domain/workload.ts";

import { nearest } from "./near.ts";

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

function nearNames(text: string, known: readonly Workload[]): readonly string[] {
  const asked = text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1);
  const names = nearest(
    asked,
    known.map(({ name }) => name),
  );
  const ids = names.flatMap((near) =>
    known.filter(({ name }) => name === near).map(({ namespace, name }) => `${namespace}/${name}`),
  );
  return [...new Set(ids)].slice(0, nearLimit);
}

const nearLimit = 3;
