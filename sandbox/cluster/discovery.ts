import type { JsonObject } from "./json.ts";
import { resourceKinds, type ResourceKind } from "./kinds.ts";

const objectVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const partVerbs = ["get", "patch", "update"];

/** The server's version, in the words of `/version`. */
export const versionInfo: JsonObject = {
  major: "1",
  minor: "35",
  gitVersion: "v1.35.0+slipway-sandbox",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: "sandbox",
};

/** The media type of aggregated discovery. */
export const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** `/api` */
export function coreVersions(address: string): JsonObject {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: address }],
  };
}

/** `/apis` */
export function groupList(): JsonObject {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groupNames().map(groupEntry) };
}

/** `/apis/GROUP`, if it is served. */
export function oneGroup(group: string): JsonObject | undefined {
  if (!groupNames().includes(group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupEntry(group) };
}

/** `/api/v1` and `/apis/GROUP/VERSION`, if it is served. */
export function resourceList(apiVersion: string): JsonObject | undefined {
  const kinds = resourceKinds.filter((kind) => kind.apiVersion === apiVersion);
  if (kinds.length === 0) return undefined;
  const resources = kinds.flatMap((kind) => [
    {
      name: kind.resource,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: objectVerbs,
      ...names(kind),
    },
    ...subresources(kind).map(({ name, kindName, verbs }) => ({
      name: `${kind.resource}/${name}`,
      singularName: "",
      namespaced: kind.namespaced,
      kind: kindName,
      verbs,
    })),
  ]);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources };
}

/** Aggregated discovery: every resource of the core group, or of all the others. */
export function aggregatedDiscovery(which: "core" | "groups"): JsonObject {
  const names = which === "core" ? [""] : groupNames();
  const items = names.map((group) => ({
    metadata: group === "" ? {} : { name: group },
    versions: versionsOf(group).map((version) => ({
      version,
      resources: resourceKinds
        .filter((kind) => kind.group === group && kind.version === version)
        .map(aggregated),
      freshness: "Current",
    })),
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}

function aggregated(kind: ResourceKind): JsonObject {
  const parts = subresources(kind).map(({ name, kindName, verbs }) => ({
    subresource: name,
    responseKind: { group: "", version: "", kind: kindName },
    verbs,
  }));
  return {
    resource: kind.resource,
    responseKind: { group: "", version: "", kind: kind.kind },
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: objectVerbs,
    ...names(kind),
    ...(parts.length === 0 ? {} : { subresources: parts }),
  };
}

function names({ shortNames, categories }: ResourceKind): JsonObject {
  return {
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

interface Subresource {
  readonly name: string;
  readonly kindName: string;
  readonly verbs: readonly string[];
}

function subresources(kind: ResourceKind): readonly Subresource[] {
  return [
    ...(kind.kind === "Pod" ? [{ name: "log", kindName: "Pod", verbs: ["get"] }] : []),
    ...(kind.hasStatus ? [{ name: "status", kindName: kind.kind, verbs: partVerbs }] : []),
    ...(kind.kind === "ServiceAccount"
      ? [{ name: "token", kindName: "TokenRequest", verbs: ["create"] }]
      : []),
  ];
}

function groupNames(): readonly string[] {
  return [...new Set(resourceKinds.map(({ group }) => group))].filter((group) => group !== "");
}

function versionsOf(group: string): readonly string[] {
  return [...new Set(resourceKinds.filter((kind) => kind.group === group).map(({ version }) => version))];
}

function groupEntry(group: string): JsonObject {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] ?? {} };
}
