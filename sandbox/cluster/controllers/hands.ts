import { textAt, type JsonObject } from "../json.ts";
import { kindNamed } from "../kinds.ts";
import { kubeTime, type KubeObject } from "../object.ts";
import type { Registry } from "../registry.ts";
import { removeObject, type RemovalOptions } from "../removal.ts";
import type { Store } from "../store.ts";

/** An object that a controller wants to exist. */
export interface Draft extends JsonObject {
  readonly kind: string;
  readonly metadata: JsonObject;
}

/** Something worth telling about an object. */
export interface Occurrence {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly component: string;
}

/** What controllers act with; every write goes through the registry like anybody's. */
export interface Hands {
  readonly store: Store;
  now(): Date;
  /** Letters and digits for a generated name. */
  suffix(): string;
  create(draft: Draft, manager?: string): KubeObject;
  update(object: KubeObject, manager?: string): KubeObject;
  updateStatus(object: KubeObject, manager?: string): KubeObject;
  remove(object: KubeObject, options?: RemovalOptions): void;
  /** The current state of an object, unless it is gone or another one has its name. */
  fresh(object: KubeObject): KubeObject | undefined;
  /** Runs the act once after a while; never after the cluster stopped. */
  after(ms: number, act: () => void): void;
  report(about: KubeObject, occurrence: Occurrence): void;
}

/** What the hands are made of. */
export interface HandsDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly now: () => Date;
  readonly random: () => number;
  readonly after: (ms: number, act: () => void) => void;
}

/** The hands of the controllers. */
export function createHands(deps: HandsDeps): Hands {
  const { store, registry, now } = deps;
  const targetOf = ({ kind, metadata }: KubeObject) => ({
    kind: kindNamed(kind),
    namespace: metadata.namespace ?? "",
    name: metadata.name,
  });
  return {
    store,
    now,
    suffix: () => randomLetters(deps.random, 5),
    create(draft, manager = "kube-controller-manager") {
      const target = {
        kind: kindNamed(draft.kind),
        namespace: textAt(draft.metadata, "namespace"),
        name: "",
      };
      return registry.create(target, draft, { manager });
    },
    update: (object, manager = "kube-controller-manager") =>
      registry.replace(targetOf(object), object, { manager, trusted: true }),
    updateStatus: (object, manager = "kube-controller-manager") =>
      registry.replace(targetOf(object), object, { manager, subresource: "status", trusted: true }),
    remove: (object, options = {}) => void removeObject(deps, targetOf(object), options),
    fresh(object) {
      const { kind, namespace, name } = targetOf(object);
      const found = store.get(kind, namespace, name);
      return found?.metadata.uid === object.metadata.uid ? found : undefined;
    },
    after: deps.after,
    report: (about, occurrence) => report(deps, about, occurrence),
  };
}

const letters = "bcdfghjklmnpqrstvwxz2456789";

function randomLetters(random: () => number, count: number): string {
  return Array.from({ length: count }, () => letters[Math.floor(random() * letters.length)]).join("");
}

/** The hash in names of things made from a template, spelled like the real one. */
export function templateHash(template: JsonObject): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify(sorted(template)))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return Array.from(String(hash), (digit) => letters[digit.charCodeAt(0) % letters.length]).join("");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

const eventLimit = 1_000;

/** Writes an Event; one that says the same again only counts up. */
function report(deps: HandsDeps, about: KubeObject, { type, reason, message, component }: Occurrence): void {
  const { store, registry } = deps;
  const kind = kindNamed("Event");
  const namespace = about.metadata.namespace ?? "default";
  const name = `${about.metadata.name}.${templateHash({ uid: about.metadata.uid, reason, message })}`;
  const time = kubeTime(deps.now());
  const known = store.get(kind, namespace, name);
  const target = { kind, namespace, name };
  if (known !== undefined) {
    const count = Number(known["count"] ?? 1) + 1;
    registry.replace(target, { ...known, count, lastTimestamp: time }, { manager: component });
    return;
  }
  const { apiVersion, metadata } = about;
  registry.create(
    target,
    {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: { apiVersion, kind: about.kind, name: metadata.name, namespace, uid: metadata.uid },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: { component },
      reportingComponent: component,
    },
    { manager: component },
  );
  forgetOldEvents(store);
}

function forgetOldEvents(store: Store): void {
  const kind = kindNamed("Event");
  const events = store.list(kind);
  if (events.length <= eventLimit) return;
  const [oldest] = events.toSorted(
    (a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion),
  );
  if (oldest !== undefined) store.remove(kind, oldest);
}
