import { SlipwayError } from "#common/domain/errors.ts";
import { retryAfterMs } from "./dates.ts";
import type { HttpAnswer } from "./http.ts";
import { networkWords } from "./network-words.ts";

/** The catalogue's error for an answer that is not the wanted one; never carries a URL's query or a header. */
export function statusFailure(answer: HttpAnswer, now: Date): SlipwayError {
  const where = describeUrl(answer.url);
  const code = registryCode(answer.body);
  const detail = `${where} answered ${answer.status}${code === undefined ? "" : ` (${code})`}`;
  const waitMs = retryAfterMs(headerText(answer, "retry-after"), now);
  const facts = {
    host: answer.url.host,
    status: answer.status,
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
  };
  const { status } = answer;
  if (status === 429) return new SlipwayError("REGISTRY_RATE_LIMITED", { detail, facts });
  if (status === 401 || status === 403) {
    const hint = "The repository does not exist, is private, or the credential may not read it";
    return new SlipwayError("REGISTRY_AUTH_FAILED", { detail, hint, facts });
  }
  if (status === 404) return new SlipwayError("REGISTRY_NOT_FOUND", { detail, facts });
  if (status === 408 || status >= 500) return new SlipwayError("REGISTRY_UNAVAILABLE", { detail, facts });
  return new SlipwayError("REGISTRY_BAD_ANSWER", { detail, facts });
}

/** As the refusal, which came although there was nothing to ask with. */
export function withoutCredential(refusal: unknown, host: string): unknown {
  if (!(refusal instanceof SlipwayError) || refusal.code !== "REGISTRY_AUTH_FAILED") return refusal;
  return new SlipwayError("REGISTRY_AUTH_FAILED", {
    detail: `${refusal.detail ?? host}; no credential for ${host} is known`,
    hint: "If the repository is private, give one under registries in the settings (docs/registries.md)",
    cause: refusal,
    ...(refusal.facts !== undefined && { facts: refusal.facts }),
  });
}

/** What a request that got no answer means: ours as it is, the caller's own abort rethrown, else unavailable. */
export function requestFailure(cause: unknown, url: URL, signal: AbortSignal): unknown {
  const ours = slipwayCause(cause);
  if (ours !== undefined) return ours;
  const callerGaveUp = signal.aborted && !isTimeout(signal.reason);
  if (callerGaveUp) return signal.reason;
  const { what, hint } = isTimeout(cause) ? { what: "no answer in time" } : networkWords(cause);
  const detail = `${describeUrl(url)}: ${what}`;
  const facts = { host: url.host };
  return new SlipwayError("REGISTRY_UNAVAILABLE", {
    detail,
    cause,
    facts,
    ...(hint !== undefined && { hint }),
  });
}

export function badAnswer(url: URL, what: string, cause?: unknown): SlipwayError {
  const detail = `${describeUrl(url)}: ${what}`;
  return new SlipwayError("REGISTRY_BAD_ANSWER", { detail, cause, facts: { host: url.host } });
}

/** The one value of a header; of several the first. */
export function headerText(answer: Pick<HttpAnswer, "headers">, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === "string" ? value : value?.[0];
}

// A query may hold a signature that opens a blob to whoever reads the log.
function describeUrl(url: URL): string {
  return `${url.host}${url.pathname}`.slice(0, 300);
}

function slipwayCause(error: unknown): SlipwayError | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (current instanceof SlipwayError) return current;
    current = current.cause;
  }
  return undefined;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}

// Only the machine-readable code: the rest of an error body is whatever the other side likes to say.
function registryCode(body: Buffer): string | undefined {
  return /"code"\s*:\s*"([A-Z_]{1,40})"/.exec(body.subarray(0, 4096).toString("utf8"))?.[1];
}
