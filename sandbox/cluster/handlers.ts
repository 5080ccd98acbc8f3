import type { Target } from "./body-checks.ts";
import { isTrue, selectorsOf, type Call } from "./call.ts";
import type { FieldValidation } from "./decode.ts";
import { badRequest, invalidOptions, noSuchResource, StatusError } from "./errors.ts";
import { parseApplied, parseJson, parseObject, readBody, sendJson, sendText } from "./http-body.ts";
import { at, isObject, numberAt, textAt, type JsonObject } from "./json.ts";
import type { Lister } from "./listing.ts";
import { acceptedShape, shaped } from "./negotiate.ts";
import type { KubeObject } from "./object.ts";
import type { LogWish } from "./pod-log.ts";
import type { PatchFormat, Registry, WriteOptions } from "./registry.ts";
import { removeObject, type RemovalOptions } from "./removal.ts";
import type { Route } from "./route.ts";
import type { Store } from "./store.ts";
import type { Tokens } from "./tokens.ts";
import { openWatch } from "./watch-request.ts";
import type { WatchHub } from "./watch.ts";
import { required } from "./validate.ts";

/** What the handlers of resources work with. */
export interface HandlerDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly lister: Lister;
  readonly hub: WatchHub;
  readonly tokens: Tokens;
  readonly now: () => Date;
  /** The log of a pod's container. */
  readonly podLog: (pod: KubeObject, wish: LogWish) => string;
}

type CollectionRoute = Extract<Route, { to: "collection" }>;
type ObjectRoute = Extract<Route, { to: "object" }>;

/** Answers a request for a collection: list, watch, create, delete all. */
export async function handleCollection(deps: HandlerDeps, route: CollectionRoute, call: Call): Promise<void> {
  const { kind } = route;
  switch (call.method) {
    case "GET":
      return isTrue(call.query.get("watch"))
        ? openWatch(deps, route, call)
        : listCollection(deps, route, call);
    case "POST": {
      if (kind.namespaced && route.namespace === undefined) throw methodNotAllowed();
      const target = { kind, namespace: route.namespace ?? "", name: "" };
      const body = parseObject(await readBody(call.request));
      const object = deps.registry.create(target, body, writeOptions(call));
      return sendObject(call, 201, object);
    }
    case "DELETE":
      return deleteCollection(deps, route, call);
    default:
      throw methodNotAllowed();
  }
}

/** Answers a request for one object or a subresource of it. */
export async function handleObject(deps: HandlerDeps, route: ObjectRoute, call: Call): Promise<void> {
  if (route.subresource === "log" || route.subresource === "token") return handleSpecial(deps, route, call);
  if (route.subresource !== undefined && (route.subresource !== "status" || !route.kind.hasStatus)) {
    throw noSuchResource();
  }
  const options = {
    ...writeOptions(call),
    ...(route.subresource === "status" ? ({ subresource: "status" } as const) : {}),
  };
  switch (call.method) {
    case "GET":
      return sendObject(call, 200, deps.registry.read(route));
    case "PUT": {
      const body = parseObject(await readBody(call.request));
      return sendObject(call, 200, deps.registry.replace(route, body, options));
    }
    case "PATCH":
      return patchObject(deps, route, { call, options });
    case "DELETE":
      return deleteObject(deps, route, call);
    default:
      throw methodNotAllowed();
  }
}

async function handleSpecial(deps: HandlerDeps, route: ObjectRoute, call: Call): Promise<void> {
  const object = deps.registry.read(route);
  if (route.subresource === "log" && route.kind.kind === "Pod" && call.method === "GET") {
    return sendText(call.response, 200, logOf(deps, object, call.query));
  }
  if (route.subresource === "token" && route.kind.kind === "ServiceAccount" && call.method === "POST") {
    const body = parseObject(await readBody(call.request));
    return sendJson(call.response, 201, { body: deps.tokens.issue(object, body) });
  }
  throw noSuchResource();
}

function logOf(deps: HandlerDeps, pod: KubeObject, query: URLSearchParams): string {
  const previous = query.has("previous") && isTrue(query.get("previous"));
  const text = deps.podLog(pod, { container: query.get("container") ?? "", previous });
  const tail = query.get("tailLines");
  const lines = text.split(/(?<=\n)/);
  const wanted = tail === null ? lines : lines.slice(Math.max(0, lines.length - Number(tail)));
  const bytes = Buffer.from(wanted.join(""));
  // The beginning is kept, as the kubelet does: a limit costs the last lines.
  return bytes.subarray(0, Number(query.get("limitBytes") ?? bytes.length)).toString("utf8");
}

function listCollection(deps: HandlerDeps, route: CollectionRoute, call: Call): void {
  const body = deps.lister.list({
    kind: route.kind,
    namespace: route.namespace,
    match: selectorsOf(route.kind, call.query),
    shape: acceptedShape(call.request.headers.accept),
    limit: Number(call.query.get("limit") ?? "0") || 0,
    continueToken: call.query.get("continue") ?? "",
    resourceVersion: call.query.get("resourceVersion") ?? "",
  });
  sendJson(call.response, 200, { body });
}

async function patchObject(
  deps: HandlerDeps,
  route: Target,
  { call, options }: { readonly call: Call; readonly options: WriteOptions },
): Promise<void> {
  const type = (call.request.headers["content-type"] ?? "").split(";")[0]?.trim();
  const text = await readBody(call.request);
  if (type === "application/apply-patch+yaml") {
    if (!call.query.has("fieldManager") || call.query.get("fieldManager") === "") {
      throw invalidOptions("PatchOptions", required("fieldManager", "is required for apply patch"));
    }
    const force = isTrue(call.query.get("force"));
    const { object, created } = deps.registry.apply(route, parseApplied(text), { ...options, force });
    return sendObject(call, created ? 201 : 200, object);
  }
  const format = patchFormats[type ?? ""];
  if (format === undefined) {
    const reason = "UnsupportedMediaType";
    throw new StatusError(415, "415: Unsupported Media Type", { reason, details: {} });
  }
  sendObject(call, 200, deps.registry.patch(route, { format, body: parseJson(text) }, options));
}

const patchFormats: Readonly<Record<string, PatchFormat>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
};

async function deleteObject(deps: HandlerDeps, route: Target, call: Call): Promise<void> {
  const { object, gone } = removeObject(deps, route, await removalOptions(call));
  if (!gone || route.kind.kind === "Pod") return sendObject(call, 200, object);
  const { group, resource } = route.kind;
  const details = {
    name: route.name,
    ...(group === "" ? {} : { group }),
    kind: resource,
    uid: object.metadata.uid,
  };
  sendJson(call.response, 200, {
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details },
  });
}

async function deleteCollection(deps: HandlerDeps, route: CollectionRoute, call: Call): Promise<void> {
  const options = await removalOptions(call);
  const match = selectorsOf(route.kind, call.query);
  const items = deps.store.list(route.kind, route.namespace).filter(match);
  for (const { metadata } of items) {
    removeObject(
      deps,
      { kind: route.kind, namespace: metadata.namespace ?? "", name: metadata.name },
      options,
    );
  }
  const metadata = { resourceVersion: String(deps.store.version()) };
  sendJson(call.response, 200, {
    body: { kind: `${route.kind.kind}List`, apiVersion: route.kind.apiVersion, metadata, items },
  });
}

async function removalOptions(call: Call): Promise<RemovalOptions> {
  const text = await readBody(call.request);
  const body: JsonObject = text === "" ? {} : parseObject(text);
  const preconditions = at(body, "preconditions");
  const uid = textAt(preconditions, "uid");
  const resourceVersion = textAt(preconditions, "resourceVersion");
  const grace = call.query.get("gracePeriodSeconds");
  const policy = call.query.get("propagationPolicy") ?? textAt(body, "propagationPolicy");
  return {
    ...(isObject(preconditions) && uid !== "" ? { uid } : {}),
    ...(resourceVersion === "" ? {} : { resourceVersion }),
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(body["gracePeriodSeconds"] === undefined
      ? {}
      : { gracePeriodSeconds: numberAt(body, "gracePeriodSeconds") }),
    orphan: policy === "Orphan",
    dryRun: dryRunOf(call.query) || at(body, "dryRun") !== undefined,
  };
}

function writeOptions({ request, query }: Call): WriteOptions {
  const agent = (request.headers["user-agent"] ?? "unknown").split("/")[0] ?? "unknown";
  const validation = query.get("fieldValidation") ?? "Warn";
  if (!isValidation(validation)) throw badRequest(`Unsupported value: "${validation}"`);
  return { manager: query.get("fieldManager") || agent, dryRun: dryRunOf(query), validation };
}

function isValidation(text: string): text is FieldValidation {
  return text === "Strict" || text === "Warn" || text === "Ignore";
}

function dryRunOf(query: URLSearchParams): boolean {
  const dryRun = query.getAll("dryRun");
  if (dryRun.some((value) => value !== "All")) throw badRequest(`Invalid value: ${JSON.stringify(dryRun)}`);
  return dryRun.length > 0;
}

function sendObject(call: Call, code: number, object: KubeObject): void {
  sendJson(call.response, code, { body: shaped(object, acceptedShape(call.request.headers.accept)) });
}

function methodNotAllowed(): StatusError {
  return new StatusError(405, "the server does not allow this method on the requested resource", {
    reason: "MethodNotAllowed",
    details: {},
  });
}
