import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeApi, KubeObject } from "#common/kit/kube-types.ts";
import { cleanLine } from "./clean-text.ts";

export interface Reader {
  readonly api: KubeApi;
  readonly signal: AbortSignal;
}

/** One event of an object, in a few words. */
export interface ObjectEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface Events {
  /** The newest first. */
  of(object: KubeObject): readonly ObjectEvent[];
  /** The right to list them is missing. */
  readonly forbidden: boolean;
}

/** An object has few kinds of events; each kind is kept once, with a count. */
const eventsPerObject = 100;
const objectsAtMost = 10;
const messageLength = 400;

interface EventShape extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
}

/** The events of these objects. That they cannot be read is told, and no error: they only say more. */
export async function readEvents(reader: Reader, objects: readonly KubeObject[]): Promise<Events> {
  const asked = objects.slice(0, objectsAtMost);
  const answers = await Promise.all(asked.map((object) => eventsOf(reader, object)));
  const byUid = new Map(asked.map((object, index) => [object.metadata.uid, answers[index]?.events ?? []]));
  return {
    of: (object) => byUid.get(object.metadata.uid) ?? [],
    forbidden: answers.some((answer) => answer.forbidden),
  };
}

/** An answer without which nothing can be told. */
export function refused(status: number, path: string): SlipwayError {
  if (status === 403)
    return new SlipwayError("FORBIDDEN", { detail: `the right to read ${path} is missing` });
  return new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `GET ${path}: ${status}` });
}

async function eventsOf(
  { api, signal }: Reader,
  { metadata }: KubeObject,
): Promise<{ events: readonly ObjectEvent[]; forbidden: boolean }> {
  const fieldSelector = `involvedObject.name=${metadata.name ?? ""},involvedObject.uid=${metadata.uid ?? ""}`;
  const path = `/api/v1/namespaces/${metadata.namespace ?? ""}/events`;
  const query = { fieldSelector, limit: String(eventsPerObject) };
  try {
    const answer = await api.request({ method: "GET", path, query, signal });
    if (answer.status !== 200) return { events: [], forbidden: answer.status === 403 };
    const { items = [] } = answer.body as { items?: readonly EventShape[] };
    return { events: items.toSorted(newestFirst).map(toEvent), forbidden: false };
  } catch {
    // Late or cut off: what the pods themselves say is told without them.
    return { events: [], forbidden: false };
  }
}

function newestFirst(a: EventShape, b: EventShape): number {
  return timeOf(b) - timeOf(a);
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp }: EventShape): number {
  const text = lastTimestamp ?? eventTime ?? firstTimestamp ?? undefined;
  return text === undefined ? 0 : Date.parse(text);
}

function toEvent({ type = "", reason = "", message = "" }: EventShape): ObjectEvent {
  return { type, reason, message: cleanLine(message, messageLength) };
}
