import { SlipwayError } from "#common/domain/errors.ts";
import type { View } from "#proto/slipway/cluster/v1/cluster.ts";

/** One kind, of one namespace or of all, as it stands now. */
export interface CollectionFacts {
  readonly kind: string;
  /** As the API server calls the kind: "deployments". */
  readonly plural: string;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Whether everything was seen once, and is still known. */
  readonly synced: boolean;
  readonly open: boolean;
  /** A no of the API server that lasts: nothing of this collection is told. */
  readonly blocked: { readonly status: number; readonly error: unknown } | undefined;
  /** When the API server last answered a probe while the watch was open; -Infinity before. */
  readonly goodAtMs: number;
  readonly error: unknown;
}

/** What a view is made of. */
export interface ViewFacts {
  readonly collections: readonly CollectionFacts[];
  /** Why there is no connection; absent when there is one. */
  readonly unconnected?: string | undefined;
  /** Why it is not known which kinds the cluster has; empty when it is. */
  readonly unknownKinds: string;
  readonly probeError: unknown;
  readonly probed: boolean;
}

/** The part of a cluster that an answer is about; everything when empty. */
export interface ViewScope {
  readonly namespace?: string;
  readonly kind?: string;
}

const namedAtMost = 3;

/**
 * How old what is told is, and whether what is not told is not there. The age is that of the collections
 * that are told from; one that is still unseen or cannot be watched is told nothing of, so it makes the
 * view incomplete, not old.
 */
export function viewOf(facts: ViewFacts, scope: ViewScope, nowMs: number): Omit<View, "nodes"> {
  const inScope = facts.collections.filter((one) => isIn(scope, one));
  const told = (inScope.length > 0 ? inScope : facts.collections).filter(
    (one) => one.synced && Number.isFinite(one.goodAtMs),
  );
  const goodAtMs = told.reduce((oldest, one) => Math.min(oldest, one.goodAtMs), Infinity);
  const ageMs = told.length === 0 ? Infinity : nowMs - goodAtMs;
  return {
    ageMs: BigInt(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(ageMs)))),
    complete:
      facts.unconnected === undefined && facts.unknownKinds === "" && inScope.every((one) => one.synced),
    problem: problemOf(facts, inScope),
  };
}

function isIn({ namespace = "", kind = "" }: ViewScope, one: CollectionFacts): boolean {
  const isOfNamespace = namespace === "" || one.namespace === undefined || one.namespace === namespace;
  return isOfNamespace && (kind === "" || one.kind === kind);
}

function problemOf(facts: ViewFacts, inScope: readonly CollectionFacts[]): string {
  if (facts.unconnected !== undefined) return facts.unconnected;
  if (facts.probeError !== undefined) return textOf(facts.probeError);
  const failing = inScope.find((one) => !one.open && one.blocked === undefined && one.error !== undefined);
  if (failing !== undefined) return textOf(failing.error);
  const blocked = inScope.filter((one) => one.blocked !== undefined);
  const named = blocked.slice(0, namedAtMost).map(blockedText);
  if (blocked.length > named.length) named.push(`and ${blocked.length - named.length} more`);
  if (facts.unknownKinds !== "") named.push(facts.unknownKinds);
  if (named.length > 0) return named.join("; ");
  if (inScope.some((one) => !one.open)) return "a watch is being opened";
  return facts.probed ? "" : "the API server has not answered a probe yet";
}

/** Names the kind, the namespace and the right that is missing. */
export function blockedText({ plural, namespace, blocked }: CollectionFacts): string {
  const where = namespace === undefined ? "" : ` in namespace "${namespace}"`;
  const { status = 0, error } = blocked ?? {};
  const why = status === 403 ? "the right to list and watch them is missing" : "the API server refuses";
  const word = error instanceof SlipwayError ? (error.detail ?? error.message) : textOf(error);
  return `${plural}${where} cannot be watched: ${why} (${word})`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
