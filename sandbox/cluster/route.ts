import { findResource, resourceKinds, type ResourceKind } from "./kinds.ts";

/** What a URL path means. */
export type Route =
  | { readonly to: "health" }
  | { readonly to: "version" }
  | { readonly to: "access-review" }
  | { readonly to: "core-versions" }
  | { readonly to: "groups" }
  | { readonly to: "group"; readonly group: string }
  | { readonly to: "resources"; readonly apiVersion: string }
  | { readonly to: "collection"; readonly kind: ResourceKind; readonly namespace: string | undefined }
  | {
      readonly to: "object";
      readonly kind: ResourceKind;
      readonly namespace: string;
      readonly name: string;
      readonly subresource: string | undefined;
    }
  /** A path of the API that names no resource we serve. */
  | { readonly to: "unknown-resource" }
  /** A path outside the API. */
  | { readonly to: "nowhere" };

const fixed: Readonly<Record<string, Route>> = {
  "/healthz": { to: "health" },
  "/livez": { to: "health" },
  "/readyz": { to: "health" },
  "/version": { to: "version" },
  "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": { to: "access-review" },
  "/api": { to: "core-versions" },
  "/apis": { to: "groups" },
};

/** Reads a URL path. */
export function parseRoute(path: string): Route {
  const bare = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  const known = Object.hasOwn(fixed, bare) ? fixed[bare] : undefined;
  if (known !== undefined) return known;
  const parts = bare.split("/").slice(1).map(decodeURIComponent);
  if (parts[0] === "api" && parts[1] === "v1") return underVersion("v1", parts.slice(2));
  const [root, group, version, ...rest] = parts;
  if (root !== "apis" || group === undefined) return { to: "nowhere" };
  return version === undefined ? { to: "group", group } : underVersion(`${group}/${version}`, rest);
}

function underVersion(apiVersion: string, parts: readonly string[]): Route {
  const [first, second, third, ...rest] = parts;
  if (!resourceKinds.some((kind) => kind.apiVersion === apiVersion)) return { to: "nowhere" };
  if (first === undefined) return { to: "resources", apiVersion };
  if (first === "namespaces" && second !== undefined && third !== undefined && third !== "status") {
    return underNamespace(apiVersion, second, [third, ...rest]);
  }
  const kind = findResource(apiVersion, first);
  if (kind === undefined || rest.length > 0) return { to: "unknown-resource" };
  if (second === undefined) return { to: "collection", kind, namespace: undefined };
  if (kind.namespaced) return { to: "unknown-resource" };
  return { to: "object", kind, namespace: "", name: second, subresource: third };
}

function underNamespace(apiVersion: string, namespace: string, parts: readonly string[]): Route {
  const [resource = "", name, subresource, ...rest] = parts;
  const kind = findResource(apiVersion, resource);
  if (kind === undefined || !kind.namespaced || rest.length > 0) return { to: "unknown-resource" };
  if (name === undefined) return { to: "collection", kind, namespace };
  return { to: "object", kind, namespace, name, subresource };
}
