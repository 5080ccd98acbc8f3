import { badRequest, invalidOptions } from "./errors.ts";
import { isTrue, selectorsOf, type Call } from "./call.ts";
import type { ResourceKind } from "./kinds.ts";
import { acceptedShape } from "./negotiate.ts";
import type { WatchHub } from "./watch.ts";

const defaultTimeoutMs = 30 * 60_000;
const bufferLimitBytes = 64 * 1024 * 1024;

/** Opens a watch on a collection and keeps the answer open. */
export function openWatch(
  { hub }: { readonly hub: WatchHub },
  { kind, namespace }: { readonly kind: ResourceKind; readonly namespace: string | undefined },
  call: Call,
): void {
  const { query, request, response } = call;
  const markInitialEnd = query.has("sendInitialEvents") && isTrue(query.get("sendInitialEvents"));
  if (markInitialEnd) requireMatch(query);
  const watch = {
    kind,
    namespace,
    match: selectorsOf(kind, query),
    shape: acceptedShape(request.headers.accept),
    from: markInitialEnd ? undefined : startVersion(query.get("resourceVersion") ?? ""),
    bookmarks: query.has("allowWatchBookmarks") && isTrue(query.get("allowWatchBookmarks")),
    markInitialEnd,
    timeoutMs: (Number(query.get("timeoutSeconds") ?? "0") || 0) * 1000 || defaultTimeoutMs,
  };
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
  response.flushHeaders();
  hub.open(watch, {
    write(line) {
      response.write(line);
      // A client that does not read is cut off, as the real server does.
      if (response.writableLength > bufferLimitBytes) response.destroy();
    },
    end: () => response.end(),
    onClose: (listener) => response.once("close", listener),
  });
}

function requireMatch(query: URLSearchParams): void {
  if (query.get("resourceVersionMatch") === "NotOlderThan") return;
  throw invalidOptions("ListOptions", {
    reason: "FieldValueForbidden",
    message: "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    field: "resourceVersionMatch",
  });
}

/** No version and version 0 both start with what exists. */
function startVersion(text: string): number | undefined {
  if (text === "" || text === "0") return undefined;
  const version = Number(text);
  if (!Number.isInteger(version) || version < 0)
    throw badRequest(`Invalid value: "${text}": invalid resource version`);
  return version;
}
