import { SlipwayError } from "../domain/errors.ts";

/** Postgres answers that say "not now" about an otherwise sound statement: the same act may succeed soon. */
const passing: Readonly<Record<string, string>> = {
  "40001": "two transactions could not be put in an order",
  "40P01": "two transactions waited for each other",
  "55P03": "a row stayed locked for too long",
  "57014": "a statement took too long",
};

/** SQLSTATEs after which the connection is of no use. */
const endsConnection: readonly string[] = ["25P03", "53300", "57P01", "57P02", "57P03", "57P05"];

const socketCodes: readonly string[] = [
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
];

// The driver gives these no code.
const driverTexts =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client (was closed|has encountered a connection error))/;

/** Whether nothing more can be said over this connection. */
export function isConnectionFailure(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) {
    return code.startsWith("08") || endsConnection.includes(code) || socketCodes.includes(code);
  }
  return error instanceof Error && driverTexts.test(error.message);
}

/** A driver's error in our words where it is about reaching Postgres or waiting in it; else as it came. */
export function translatePgError(error: unknown): unknown {
  if (error instanceof SlipwayError) return error;
  const detail = passing[codeOf(error) ?? ""];
  if (detail !== undefined) return new SlipwayError("STORE_UNAVAILABLE", { detail, cause: error });
  return isConnectionFailure(error) ? unavailable(error) : error;
}

/** STORE_UNAVAILABLE with what the driver said. */
export function unavailable(cause: unknown): SlipwayError {
  // Node reports one error per address it tried; the first tells enough.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const detail = first instanceof Error ? first.message : String(first);
  return new SlipwayError("STORE_UNAVAILABLE", { detail, cause });
}

/** Whether a lock was not given within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error instanceof SlipwayError ? error.cause : error) === "55P03";
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : undefined;
}
