import type { IncomingMessage, ServerResponse } from "node:http";

import type { ResourceKind } from "./kinds.ts";
import { parseFieldSelector, parseLabelSelector, type Match } from "./selectors.ts";

/** One request for a resource. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly query: URLSearchParams;
}

/** Whether a boolean parameter is set; a parameter without a value is. */
export function isTrue(text: string | null): boolean {
  return text === "true" || text === "1" || text === "";
}

/** The selectors of a list or watch as one condition. */
export function selectorsOf(kind: ResourceKind, query: URLSearchParams): Match {
  const byLabel = parseLabelSelector(query.get("labelSelector") ?? "");
  const byField = parseFieldSelector(kind.kind, query.get("fieldSelector") ?? "");
  return (object) => byLabel(object) && byField(object);
}
