import { SlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import type { KubeAddress, KubeDiscovery, KubeRequest, KubeResource, KubeResponse } from "./kube-types.ts";

export interface DiscoveryDeps {
  request(request: KubeRequest): Promise<KubeResponse>;
  readonly defaultNamespace: string;
  readonly clock?: Clock;
}

export interface Discoverer {
  discover(o?: { readonly fresh?: boolean }): Promise<KubeDiscovery>;
  objectPath(address: KubeAddress): Promise<string>;
}

/** Kinds that are not there are asked for again at most this often. */
const refreshEveryMs = 5_000;
const groupVersionsAtMost = 500;

/** Finds out which kinds a cluster serves and under which paths; asks again when one is missing. */
export function createDiscoverer(deps: DiscoveryDeps): Discoverer {
  const clock = deps.clock ?? systemClock;
  const roots: Roots = new Map();
  let known: Promise<KubeDiscovery> | undefined;
  let lastGood: Promise<KubeDiscovery> | undefined;
  let readAtMs = -Infinity;

  const discover: Discoverer["discover"] = ({ fresh = false } = {}) => {
    if (known !== undefined && !fresh) return known;
    readAtMs = clock.monotonicMs();
    const reading = readDiscovery(deps, roots);
    known = reading;
    reading.then(
      () => (lastGood = reading),
      // A failed reading is told to whoever asked, and not remembered.
      () => {
        if (known === reading) known = lastGood;
      },
    );
    return reading;
  };

  const find = async (apiVersion: string, kind: string): Promise<KubeResource> => {
    const found = (await discover()).find(apiVersion, kind);
    if (found !== undefined) return found;
    const fresh = clock.monotonicMs() - readAtMs >= refreshEveryMs;
    const again = (await discover({ fresh })).find(apiVersion, kind);
    if (again !== undefined) return again;
    throw new SlipwayError("KIND_UNKNOWN", { detail: `${apiVersion} ${kind}`, facts: { apiVersion, kind } });
  };

  return {
    discover,
    objectPath: async (address) =>
      pathOf(await find(address.apiVersion, address.kind), address, deps.defaultNamespace),
  };
}

function pathOf(resource: KubeResource, address: KubeAddress, defaultNamespace: string): string {
  const { name } = address;
  const namespace = address.namespace ?? (name === undefined ? undefined : defaultNamespace);
  const inNamespace = resource.namespaced && namespace !== undefined;
  const base = inNamespace ? `${resource.prefix}/namespaces/${segment(namespace)}` : resource.prefix;
  return name === undefined ? `${base}/${resource.plural}` : `${base}/${resource.plural}/${segment(name)}`;
}

// Names come from manifests: one like ".." would name another path altogether.
function segment(name: string): string {
  if (name === "" || name === "." || name === ".." || /[/%]/.test(name))
    throw new SlipwayError("INVALID_REQUEST", { detail: `"${name}" cannot be the name of an object` });
  return encodeURIComponent(name);
}

/** What a root said last, and its ETag. */
type Roots = Map<RootPath, { readonly etag: string; readonly found: Found }>;
type RootPath = "/api" | "/apis";

interface Found {
  readonly resources: readonly KubeResource[];
  readonly unread: readonly string[];
}

async function readDiscovery(deps: DiscoveryDeps, roots: Roots): Promise<KubeDiscovery> {
  const core = await readRoot(deps, roots, "/api");
  const groups = await readRoot(deps, roots, "/apis");
  const resources = [...core.resources, ...groups.resources];
  const byKind = new Map(resources.map((resource) => [`${resource.apiVersion} ${resource.kind}`, resource]));
  return {
    resources,
    unread: new Set([...core.unread, ...groups.unread]),
    find: (apiVersion, kind) => byKind.get(`${apiVersion} ${kind}`),
  };
}

async function readRoot(deps: DiscoveryDeps, roots: Roots, path: RootPath): Promise<Found> {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const last = roots.get(path);
  const answer = await deps.request({
    method: "GET",
    path,
    accept,
    ...(last !== undefined && { ifNoneMatch: last.etag }),
  });
  if (answer.status === 304 && last !== undefined) return last.found;
  if (answer.status >= 400 || typeof answer.body !== "object" || answer.body === null)
    throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: `GET ${path} answered ${answer.status}` });
  // A server without aggregated discovery answers the second type we accept.
  if ((answer.body as { kind?: string }).kind !== "APIGroupDiscoveryList")
    return readPlain(deps, path, answer.body);
  const found = readAggregated(answer.body);
  const etag = answer.headers.get("etag");
  if (etag === null) roots.delete(path);
  else roots.set(path, { etag, found });
  return found;
}

interface AggregatedList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      /** "Stale" while the group's own server does not answer. */
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly kind?: string };
        readonly scope: string;
      }[];
    }[];
  }[];
}

function readAggregated(body: AggregatedList): Found {
  const groups = body.items ?? [];
  const isStale = ({ versions = [] }: (typeof groups)[number]) =>
    versions.some(({ freshness }) => freshness === "Stale");
  const resources = groups.flatMap((group) =>
    (group.versions ?? []).flatMap((version) =>
      (version.resources ?? []).flatMap((resource) => {
        const kind = resource.responseKind?.kind;
        if (kind === undefined) return [];
        const where = placeOf(group.metadata?.name ?? "", version.version);
        return [{ ...where, kind, plural: resource.resource, namespaced: resource.scope === "Namespaced" }];
      }),
    ),
  );
  return { resources, unread: groups.filter(isStale).map((group) => group.metadata?.name ?? "") };
}

interface PlainGroups {
  readonly versions?: readonly string[];
  readonly groups?: readonly { readonly versions?: readonly { readonly groupVersion: string }[] }[];
}

interface PlainResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

async function readPlain(deps: DiscoveryDeps, path: RootPath, body: unknown): Promise<Found> {
  const root = body as PlainGroups;
  const grouped = (root.groups ?? []).flatMap((group) => group.versions ?? []);
  const apiVersions =
    path === "/api" ? (root.versions ?? []) : grouped.map((version) => version.groupVersion);
  const resources: KubeResource[] = [];
  const unread: string[] = [];
  for (const apiVersion of apiVersions.slice(0, groupVersionsAtMost)) {
    const answer = await deps.request({ method: "GET", path: `${path}/${apiVersion}` });
    // One group whose own server is down must not hide the others.
    if (answer.status >= 400) {
      unread.push(path === "/api" ? "" : (apiVersion.split("/")[0] ?? ""));
      continue;
    }
    for (const { name, kind, namespaced } of (answer.body as PlainResources).resources ?? []) {
      if (name.includes("/")) continue;
      resources.push({ apiVersion, kind, prefix: `${path}/${apiVersion}`, plural: name, namespaced });
    }
  }
  return { resources, unread };
}

function placeOf(group: string, version: string): { apiVersion: string; prefix: string } {
  if (group === "") return { apiVersion: version, prefix: `/api/${version}` };
  return { apiVersion: `${group}/${version}`, prefix: `/apis/${group}/${version}` };
}
