import type { KubeApi } from "#common/kit/kube.ts";
import { refusalOf } from "./apply-answers.ts";
import type { CommittedDocument, LiveObject } from "./live-object.ts";

type Asked = Pick<KubeApi, "request" | "objectPath">;

/** From so many objects of one kind and namespace on, one list is cheaper than a read of each. */
const listFrom = 5;
const pageSize = 250;
const pagesAtMost = 400;

/** What lives under the names of a sync's documents, read with few questions. */
export interface LiveObjects {
  /** The object as a list showed it; undefined where it has to be read by itself. */
  listed(document: CommittedDocument): LiveObject | undefined;
}

/** Lists every kind and namespace that has many of the documents. */
export async function listLive(
  kube: Asked,
  documents: readonly CommittedDocument[],
  defaultNamespace: string,
): Promise<LiveObjects> {
  const placeOf = ({ apiVersion, kind, metadata }: CommittedDocument): string =>
    JSON.stringify([apiVersion, kind, metadata.namespace ?? defaultNamespace]);
  const groups = Map.groupBy(documents, placeOf);
  const found = new Map<string, ReadonlyMap<string, LiveObject>>();
  for (const [place, group] of groups) {
    if (group.length < listFrom) continue;
    const [apiVersion = "", kind = "", namespace = ""] = JSON.parse(place) as readonly string[];
    const path = await kube.objectPath({ apiVersion, kind, namespace });
    const objects = await listAll(kube, path);
    if (objects !== undefined) found.set(place, new Map(objects.map((one) => [one.metadata.name, one])));
  }
  return { listed: (document) => found.get(placeOf(document))?.get(document.metadata.name) };
}

/** Every object of a collection; undefined where the cluster does not let us list it. */
export async function listAll(kube: Asked, path: string): Promise<readonly LiveObject[] | undefined> {
  const all: LiveObject[] = [];
  let next = "";
  for (let page = 1; page <= pagesAtMost; page += 1) {
    const query = { limit: String(pageSize), ...(next === "" ? {} : { continue: next }) };
    const answer = await kube.request({ method: "GET", path, query });
    if (answer.status === 403 || answer.status === 404) return undefined;
    // 410: the list took longer than the server remembers; each is read by itself then.
    if (answer.status === 410) return undefined;
    if (answer.status !== 200) throw refusalOf(answer, path);
    const list = answer.body as ListAnswer;
    all.push(...(list.items ?? []));
    next = list.metadata?.continue ?? "";
    if (next === "") return all;
  }
  return undefined;
}

interface ListAnswer {
  readonly items?: readonly LiveObject[];
  readonly metadata?: { readonly continue?: string };
}
