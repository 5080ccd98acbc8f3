import { ClientError, Metadata, ServerError, Status } from "nice-grpc";

import { SlipwayError, errorCatalogue, isErrorCode } from "#common/domain/errors.ts";
import type { ErrorCode, ErrorKind } from "#common/domain/errors.ts";

/** How our errors cross gRPC: a status by kind, and the code itself in the trailing metadata. */

const statusOfKind: Record<ErrorKind, Status> = {
  invalid: Status.INVALID_ARGUMENT,
  unauthenticated: Status.UNAUTHENTICATED,
  forbidden: Status.PERMISSION_DENIED,
  "not-found": Status.NOT_FOUND,
  conflict: Status.FAILED_PRECONDITION,
  "too-large": Status.RESOURCE_EXHAUSTED,
  "too-many": Status.RESOURCE_EXHAUSTED,
  unavailable: Status.UNAVAILABLE,
  timeout: Status.DEADLINE_EXCEEDED,
  internal: Status.INTERNAL,
};

/** What a status means when a peer gave no code of ours; the rest is INTERNAL. */
const codeOfStatus: Partial<Record<Status, ErrorCode>> = {
  [Status.INVALID_ARGUMENT]: "INVALID_REQUEST",
  [Status.UNAUTHENTICATED]: "UNAUTHENTICATED",
  [Status.PERMISSION_DENIED]: "FORBIDDEN",
  [Status.NOT_FOUND]: "NOT_FOUND",
  // CANCELLED by the server: it is shutting down; our own cancel ends as an AbortError instead.
  [Status.CANCELLED]: "UNAVAILABLE",
  [Status.UNAVAILABLE]: "UNAVAILABLE",
  [Status.DEADLINE_EXCEEDED]: "UNAVAILABLE",
};

/** Trailers share one header block of 8 KiB. */
const longestEncoded = 2_500;

/** The gRPC error for one of ours, with its parts put into the trailer. INTERNAL tells nothing of its cause. */
export function toServerError(error: SlipwayError, trailer: Metadata): ServerError {
  const spec = errorCatalogue[error.code];
  const open = error.code !== "INTERNAL";
  trailer.set("slipway-code", error.code);
  if (open && error.detail !== undefined) trailer.set("slipway-detail", encode(error.detail));
  if (open && error.hint !== undefined) trailer.set("slipway-hint", encode(error.hint));
  if (open && error.facts !== undefined) {
    const facts = encodeURIComponent(JSON.stringify(error.facts));
    if (facts.length <= longestEncoded) trailer.set("slipway-facts", facts);
  }
  return new ServerError(statusOfKind[spec.kind], spec.title);
}

/** Our error for a gRPC one; `peer` names service and address. */
export function fromClientError(error: ClientError, trailer: Metadata, peer: string): SlipwayError {
  const code = trailer.get("slipway-code");
  if (code !== undefined && isErrorCode(code)) return coded(code, trailer, error);
  const ours = codeOfStatus[error.code] ?? "INTERNAL";
  if (ours !== "UNAVAILABLE") {
    const detail = `${peer} answered ${Status[error.code]}: ${error.details}`;
    return new SlipwayError(ours, { detail, cause: error });
  }
  const what = error.code === Status.DEADLINE_EXCEEDED ? "did not answer in time" : "cannot be reached";
  return new SlipwayError("UNAVAILABLE", { detail: `${peer} ${what}`, cause: error });
}

function coded(code: ErrorCode, trailer: Metadata, cause: ClientError): SlipwayError {
  const detail = decode(trailer.get("slipway-detail"));
  const hint = decode(trailer.get("slipway-hint"));
  const facts = decodeFacts(trailer.get("slipway-facts"));
  return new SlipwayError(code, {
    cause,
    ...(detail !== undefined && { detail }),
    ...(hint !== undefined && { hint }),
    ...(facts !== undefined && { facts }),
  });
}

/** Metadata is ASCII; what is too long is cut at a character. */
function encode(text: string): string {
  let kept = text.slice(0, longestEncoded);
  // A cut through a pair of surrogates cannot be encoded.
  kept = kept.toWellFormed();
  while (encodeURIComponent(kept).length > longestEncoded) {
    kept = kept.slice(0, Math.floor(kept.length * 0.9)).toWellFormed();
  }
  return encodeURIComponent(kept);
}

function decode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // Not from one of our servers: the raw text is still better than none.
    return text;
  }
}

function decodeFacts(text: string | undefined): Record<string, unknown> | undefined {
  const json = decode(text);
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Facts are an extra; an error without them is still the error.
    return undefined;
  }
}
