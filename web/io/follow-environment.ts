import { operations } from "#common/contracts/operations.ts";

import type { Transport } from "../../cli/http.ts";
import { readEvents } from "../../cli/sse.ts";
import type { ServerEvent } from "../../cli/sse.ts";

/** What an environment's stream tells, and how the stream itself is. */
export type EnvironmentNews =
  | { readonly kind: "connected"; readonly complete: boolean }
  | { readonly kind: "cut" }
  | { readonly kind: "event"; readonly name: string; readonly data: unknown };

interface FollowDeps {
  readonly transport: Transport;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const quietMs = 40_000;
const longestPauseMs = 5_000;

/** Follows an environment until the signal fires; a cut stream goes on after its last event. */
export async function* followEnvironment(
  deps: FollowDeps,
  environment: string,
  signal: AbortSignal,
): AsyncGenerator<EnvironmentNews> {
  const place = { lastId: "" };
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const event of await open(deps, { environment, signal, place })) {
        failures = 0;
        if (event.id !== "") place.lastId = event.id;
        yield newsOf(event);
      }
    } catch {
      // Whatever broke it: the page says that it is cut, and comes back.
      failures += 1;
    }
    if (signal.aborted) return;
    yield { kind: "cut" };
    await deps.sleep(Math.min(longestPauseMs, 250 * 2 ** failures), signal).catch(() => undefined); // ended: the loop's head sees it
  }
}

interface OpenAsk {
  readonly environment: string;
  readonly signal: AbortSignal;
  readonly place: { readonly lastId: string };
}

async function open(
  { transport }: FollowDeps,
  { environment, signal, place }: OpenAsk,
): Promise<AsyncGenerator<ServerEvent>> {
  const quiet = new AbortController();
  const answer = await transport.stream({
    method: "GET",
    path: operations.followEnvironment.path.replace(":environment", encodeURIComponent(environment)),
    headers: {
      accept: "text/event-stream",
      ...(place.lastId === "" ? {} : { "last-event-id": place.lastId }),
    },
    signal: AbortSignal.any([signal, quiet.signal]),
  });
  return readEvents(watched(answer.body, () => quiet.abort()));
}

/** A line that died without a word is noticed by the pulse that does not come. */
async function* watched(chunks: AsyncIterable<Uint8Array>, onQuiet: () => void): AsyncGenerator<Uint8Array> {
  let timer = setTimeout(onQuiet, quietMs);
  try {
    for await (const chunk of chunks) {
      clearTimeout(timer);
      timer = setTimeout(onQuiet, quietMs);
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

function newsOf({ event, data }: ServerEvent): EnvironmentNews {
  const read = JSON.parse(data) as { readonly complete?: boolean };
  if (event === "ready") return { kind: "connected", complete: read.complete === true };
  return { kind: "event", name: event, data: read };
}
