import type { Site } from "./sites.ts";
import type { Pace } from "./types.ts";

/** One exchange as the transport is asked for it. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: URL;
  /** The registry on whose behalf it is made: its proxy and its certificates apply. */
  readonly site: Site;
  readonly headers: Readonly<Record<string, string>>;
  /** A longer body is refused. */
  readonly maxBytes: number;
  /** Sent with POST, which follows no redirect: the body may hold a secret. */
  readonly body?: string;
}

/** Any answer at all; the status is for the asker to judge. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

/** One call of a client: its deadline, and how many requests it has taken. */
export interface Call {
  readonly signal: AbortSignal;
  readonly pace?: Pace;
  requests: number;
}
