import { currentWork, withWork } from "./current-work.ts";

/** The id of the request that is being served: given by a client or made at the edge, then handed on. */

/** How it is called in HTTP headers and gRPC metadata. */
export const requestIdName = "x-request-id";

/** Runs the work, and all that follows from it, as part of a request. */
export function withRequestId<T>(id: string, work: () => T): T {
  return withWork({ requestId: id }, work);
}

export function currentRequestId(): string | undefined {
  return currentWork().requestId;
}

/** Harmless in a log, a header and metadata. */
export function isRequestId(text: string): boolean {
  return /^[\w.:+/=-]{1,128}$/.test(text);
}
