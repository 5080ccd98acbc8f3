import { AsyncLocalStorage } from "node:async_hooks";

/** The id of the request that is being served: given by a client or made at the edge, then handed on. */

const current = new AsyncLocalStorage<string>();

/** How it is called in HTTP headers and gRPC metadata. */
export const requestIdName = "x-request-id";

/** Runs the work, and all that follows from it, as part of a request. */
export function withRequestId<T>(id: string, work: () => T): T {
  return current.run(id, work);
}

/** From here on, what this call does is part of a request; what is no harmless name is none. */
export function enterRequest(id: string | undefined): void {
  if (id !== undefined && isRequestId(id)) current.enterWith(id);
}

export function currentRequestId(): string | undefined {
  return current.getStore();
}

/** Harmless in a log, a header and metadata. */
export function isRequestId(text: string): boolean {
  return /^[\w.:+/=-]{1,128}$/.test(text);
}
