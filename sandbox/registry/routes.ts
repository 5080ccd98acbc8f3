import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Faults } from "./faults.ts";
import type { Quirks } from "./quirks.ts";
import { emptyReply, errorReply, jsonReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { digestOf, findManifest, missingParts, tagPage } from "./store.ts";
import type { RegistryStore } from "./store.ts";

/** Kinds of requests, as counted. */
export type RouteKind =
  | "ping"
  | "tags"
  | "manifestGet"
  | "manifestHead"
  | "blob"
  | "upload"
  | "push"
  | "token";

/** One request to the registry, told apart by its path and method. */
export interface Route {
  readonly kind: RouteKind;
  readonly repository?: string;
  /** Tag, digest or upload id. */
  readonly reference: string;
}

export interface RouteDeps {
  readonly store: RegistryStore;
  readonly faults: Faults;
  /** Uploads under way, by id, with their repository. */
  readonly uploads: Map<string, string>;
}

export interface RouteInput {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly route: Route;
  readonly body: Buffer;
}

const uploadLimit = 1_000;
const name = "([a-z0-9][a-z0-9._/-]{0,254})";
const patterns: readonly (readonly [RegExp, (method: string) => RouteKind | undefined])[] = [
  [new RegExp(`^/v2/${name}/tags/list$`), (method) => (method === "GET" ? "tags" : undefined)],
  [new RegExp(`^/v2/${name}/manifests/([^/]{1,150})$`), manifestKind],
  [new RegExp(`^/v2/${name}/blobs/uploads/([^/]{0,100})$`), uploadKind],
  [
    new RegExp(`^/v2/${name}/blobs/([^/]{1,150})$`),
    (method) => (/^(?:GET|HEAD)$/.test(method) ? "blob" : undefined),
  ],
];

/** The route of a request, or undefined when the registry has none for it. */
export function findRoute(method: string, path: string): Route | undefined {
  if (path === "/v2/") return { kind: "ping", reference: "" };
  if (path === "/token") return { kind: "token", reference: "" };
  for (const [pattern, kindOf] of patterns) {
    const [whole, repository, reference = ""] = pattern.exec(path) ?? [];
    if (whole === undefined || repository === undefined) continue;
    const kind = kindOf(method);
    return kind === undefined ? undefined : { kind, repository, reference: reference.replace(/%3a/i, ":") };
  }
  return undefined;
}

/** Whether a route writes, which is what the scope of a token tells apart. */
export function writes(kind: RouteKind): boolean {
  return kind === "upload" || kind === "push";
}

/** Answers a route that was let in. */
export function answerRoute(deps: RouteDeps, input: RouteInput): Reply {
  switch (input.route.kind) {
    case "tags":
      return tagsReply(deps, input);
    case "manifestGet":
    case "manifestHead":
      return manifestReply(deps, input);
    case "blob":
      return blobReply(deps, input);
    case "upload":
      return uploadReply(deps, input);
    case "push":
      return pushReply(deps, input);
    default:
      return jsonReply(200, {});
  }
}

function manifestKind(method: string): RouteKind | undefined {
  if (method === "GET") return "manifestGet";
  if (method === "HEAD") return "manifestHead";
  return method === "PUT" ? "push" : undefined;
}

function uploadKind(method: string): RouteKind | undefined {
  return method === "POST" || method === "PUT" ? "upload" : undefined;
}

function tagsReply({ store, faults }: RouteDeps, { request, url, route }: RouteInput): Reply {
  const { repository: name = "" } = route;
  const size = url.searchParams.get("n");
  if (size !== null && (faults.refusesPageSize() || !/^[1-9]\d{0,6}$/.test(size))) {
    return errorReply(400, "PAGINATION_NUMBER_INVALID");
  }
  const last = url.searchParams.get("last") ?? undefined;
  const endless = faults.endless(name);
  if (endless !== undefined) return endlessReply(name, { kind: endless, size: size ?? "2", last });
  const repository = store.find(name);
  if (repository === undefined) return errorReply(404, "NAME_UNKNOWN");
  const quirks = faults.quirks();
  const page = tagPage(repository, { n: pageSize(size, quirks), last, order: quirks.order ?? "lexical" });
  const tags = quirks.overlappingPages === true && last !== undefined ? [last, ...page.tags] : page.tags;
  const reply = jsonReply(200, { name, tags });
  const path = nextPath(name, size, page.last ?? "");
  const link = page.last === undefined ? {} : { link: linkTo(path, url, quirks) };
  if (quirks.withoutEtag === true) return { ...reply, headers: { ...reply.headers, ...link } };
  const etag = `"${digestOf(reply.body)}"`;
  if (request.headers["if-none-match"] === etag) return emptyReply(304, { etag });
  return { ...reply, headers: { ...reply.headers, etag, ...link } };
}

function pageSize(asked: string | null, { pageCap, ignoresPageSize }: Quirks): number | undefined {
  if (ignoresPageSize === true) return undefined;
  const size = asked === null ? undefined : Number(asked);
  return pageCap === undefined ? size : Math.min(size ?? pageCap, pageCap);
}

function endlessReply(
  name: string,
  page: { readonly kind: "fresh" | "repeated"; readonly size: string; readonly last: string | undefined },
): Reply {
  const number = Number(page.last?.replace("page-", "") ?? "0") + 1;
  const tags = page.kind === "fresh" ? [`tag-${number}`] : ["tag-1"];
  return jsonReply(200, { name, tags }, { link: nextLink(nextPath(name, page.size, `page-${number}`)) });
}

function nextPath(name: string, size: string | null, last: string): string {
  const ofSize = size === null ? "" : `&n=${size}`;
  return `/v2/${name}/tags/list?last=${encodeURIComponent(last)}${ofSize}`;
}

function nextLink(target: string): string {
  return `<${target}>; rel="next"`;
}

function linkTo(path: string, url: URL, { link }: Quirks): string {
  if (link === "absolute") return nextLink(`${url.origin}${path}`);
  return nextLink(link === "another-host" ? `http://registry.internal.example.com:8081${path}` : path);
}

function manifestReply({ store, faults }: RouteDeps, { request, route }: RouteInput): Reply {
  const head = route.kind === "manifestHead" ? faults.quirks().head : undefined;
  if (head === "refused") return errorReply(405, "UNSUPPORTED");
  const repository = store.find(route.repository ?? "");
  if (repository === undefined) return errorReply(404, "NAME_UNKNOWN");
  const found = findManifest(repository, route.reference);
  if (found === undefined) return errorReply(404, "MANIFEST_UNKNOWN");
  const headers = {
    etag: `"${found.digest}"`,
    ...(head !== "without-digest" && { "docker-content-digest": found.digest }),
  };
  if (request.headers["if-none-match"] === headers.etag) return emptyReply(304, headers);
  return { status: 200, headers: { "content-type": found.mediaType, ...headers }, body: found.bytes };
}

function blobReply({ store, faults }: RouteDeps, { route }: RouteInput): Reply {
  const { blobsAt } = faults.quirks();
  if (blobsAt !== undefined) return emptyReply(307, { location: `${blobsAt}/${route.reference}` });
  const bytes = store.find(route.repository ?? "")?.blobs.get(route.reference);
  if (bytes === undefined) return errorReply(404, "BLOB_UNKNOWN");
  const headers = { "content-type": "application/octet-stream", "docker-content-digest": route.reference };
  return { status: 200, headers, body: bytes };
}

function uploadReply({ store, uploads }: RouteDeps, { request, url, route, body }: RouteInput): Reply {
  const { repository = "", reference: id } = route;
  const digest = url.searchParams.get("digest");
  if (request.method === "POST" && digest === null) {
    if (uploads.size >= uploadLimit) return errorReply(429, "TOOMANYREQUESTS");
    const fresh = randomUUID();
    uploads.set(fresh, repository);
    return emptyReply(202, { location: `/v2/${repository}/blobs/uploads/${fresh}`, range: "0-0" });
  }
  if (request.method === "PUT" && uploads.get(id) !== repository)
    return errorReply(404, "BLOB_UPLOAD_UNKNOWN");
  if (digest !== digestOf(body)) return errorReply(400, "DIGEST_INVALID");
  uploads.delete(id);
  store.open(repository).blobs.set(digest, body);
  return emptyReply(201, { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest });
}

function pushReply({ store }: RouteDeps, { request, route, body }: RouteInput): Reply {
  const { repository: name = "", reference } = route;
  const digest = digestOf(body);
  if (reference.includes(":") && reference !== digest) return errorReply(400, "DIGEST_INVALID");
  let manifest: unknown;
  try {
    manifest = JSON.parse(body.toString("utf8"));
  } catch {
    return errorReply(400, "MANIFEST_INVALID"); // the refusal is the report
  }
  const repository = store.open(name);
  if (missingParts(repository, manifest).length > 0) return errorReply(400, "MANIFEST_BLOB_UNKNOWN");
  const mediaType = request.headers["content-type"] ?? "application/octet-stream";
  repository.manifests.set(digest, { mediaType, digest, bytes: body });
  if (!reference.includes(":")) repository.tags.set(reference, digest);
  return emptyReply(201, { location: `/v2/${name}/manifests/${digest}`, "docker-content-digest": digest });
}
