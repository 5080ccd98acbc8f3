import type { ServerResponse } from "node:http";

/** What every stream of events has in common: its headers, its pulse, and patience with who reads it. */

const heartbeatMs = 15_000;
const drainMs = 30_000;
/** Then the stream ends, and a client that still cares comes back with its token. */
export const longestStreamMs = 3_600_000;

export const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  connection: "close",
  // Proxies that buffer would hold events back.
  "x-accel-buffering": "no",
};

export interface Listener {
  readonly raw: ServerResponse;
  readonly signal: AbortSignal;
}

/** A comment from time to time, so that proxies and clients see that the stream lives; returns how to stop. */
export function startPulse({ raw }: Listener): () => void {
  const beat = setInterval(() => {
    // One that does not read has enough to read already.
    if (!raw.writableNeedDrain) raw.write(":\n\n");
  }, heartbeatMs);
  return () => clearInterval(beat);
}

/** One event as it goes over the wire. */
export function frame(event: { id?: string; name: string; data: unknown }): string {
  const id = event.id === undefined ? "" : `id: ${event.id}\n`;
  return `${id}event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

/** A client that reads slowly is waited for, one that does not read at all is let go. */
export async function writeFrames({ raw, signal }: Listener, text: string): Promise<void> {
  if (text === "" || signal.aborted || raw.destroyed || raw.write(text)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => raw.destroy(), drainMs);
  const go = (): void => resolve();
  raw.once("drain", go);
  signal.addEventListener("abort", go, { once: true });
  await promise;
  raw.off("drain", go);
  signal.removeEventListener("abort", go);
  clearTimeout(timer);
}
