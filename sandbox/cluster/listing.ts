import { badRequest, expired, StatusError } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { ResourceKind } from "./kinds.ts";
import { shaped, type Shape } from "./negotiate.ts";
import type { KubeObject } from "./object.ts";
import type { Match } from "./selectors.ts";
import type { Store } from "./store.ts";

/** A list request. */
export interface ListRequest {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly match: Match;
  readonly shape: Shape;
  /** Largest number of items in the answer; 0 means all. */
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
}

/** Answers lists page by page; the pages of one list show one state. */
export interface Lister {
  list(request: ListRequest): JsonObject;
}

interface Snapshot {
  readonly version: number;
  readonly items: readonly KubeObject[];
}

const snapshotLimit = 50;

/** A lister over a store; it remembers the states of the last few lists that were not read to the end. */
export function createLister({ store }: { readonly store: Store }): Lister {
  const snapshots = new Map<number, Snapshot>();
  const remember = (snapshot: Snapshot): void => {
    snapshots.set(snapshot.version, snapshot);
    const [oldest] = snapshots.keys();
    if (snapshots.size > snapshotLimit && oldest !== undefined) snapshots.delete(oldest);
  };
  return {
    list(request) {
      refuseFuture(store, request.resourceVersion);
      const { start, snapshot } = openPage(store, snapshots, request);
      const end = request.limit > 0 ? start + request.limit : snapshot.items.length;
      const rest = snapshot.items.length - end;
      if (rest > 0) remember(snapshot);
      return page(request, snapshot, { start, end });
    },
  };
}

function openPage(
  store: Store,
  snapshots: ReadonlyMap<number, Snapshot>,
  request: ListRequest,
): { start: number; snapshot: Snapshot } {
  if (request.continueToken === "") {
    const items = store.list(request.kind, request.namespace).filter(request.match);
    return { start: 0, snapshot: { version: store.version(), items } };
  }
  const token = readToken(request.continueToken);
  const snapshot = snapshots.get(token.version);
  if (snapshot === undefined || token.version < store.oldest()) {
    const why = "The provided continue parameter is too old to display a consistent list result.";
    throw expired(`${why} You must start a new list without the continue parameter.`);
  }
  return { start: token.start, snapshot };
}

function page(
  request: ListRequest,
  snapshot: Snapshot,
  { start, end }: { start: number; end: number },
): JsonObject {
  const rest = Math.max(0, snapshot.items.length - end);
  const items = snapshot.items.slice(start, end).map((object) => itemOf(object, request.shape));
  const more = rest === 0 ? {} : { continue: writeToken(snapshot.version, end), remainingItemCount: rest };
  const named =
    request.shape === "metadata"
      ? { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" }
      : { kind: `${request.kind.kind}List`, apiVersion: request.kind.apiVersion };
  return { ...named, metadata: { resourceVersion: String(snapshot.version), ...more }, items };
}

/** Items of a typed list do not repeat their kind. */
function itemOf(object: KubeObject, shape: Shape): JsonObject {
  if (shape === "metadata") return shaped(object, shape);
  const { kind: _, apiVersion: _version, ...item } = object;
  return item;
}

function refuseFuture(store: Store, version: string): void {
  const wanted = Number(version);
  if (version === "" || wanted <= store.version()) return;
  if (!Number.isInteger(wanted)) throw badRequest(`Invalid value: "${version}": strconv.ParseUint`);
  const message = `Too large resource version: ${wanted}, current: ${store.version()}`;
  throw new StatusError(504, `Timeout: ${message}`, {
    reason: "Timeout",
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    },
  });
}

function writeToken(version: number, start: number): string {
  return Buffer.from(JSON.stringify({ v: "sandbox/v1", rv: version, start })).toString("base64url");
}

function readToken(text: string): { version: number; start: number } {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (typeof token === "object" && token !== null && "rv" in token && "start" in token) {
      if (typeof token.rv === "number" && typeof token.start === "number") {
        return { version: token.rv, start: token.start };
      }
    }
  } catch {
    // Not JSON: answered below like any other token that is not ours.
  }
  throw badRequest("invalid continue token: continue key is not valid");
}
