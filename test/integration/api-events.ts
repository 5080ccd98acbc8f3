/** One event of a job's stream, its data read. */
export interface TestEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export interface TestStream {
  /** The next event; undefined when the server has ended the stream. */
  next(): Promise<TestEvent | undefined>;
  leave(): Promise<void>;
}

/** Opens a stream of events and reads it event by event. */
export async function openEvents(
  url: string,
  options: { token: string; lastEventId?: string },
): Promise<TestStream> {
  const { token, lastEventId } = options;
  const headers = {
    authorization: `Bearer ${token}`,
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  };
  const response = await fetch(url, { headers });
  if (response.status !== 200 || response.body === null) throw new Error(`HTTP ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  return {
    leave: () => reader.cancel(),
    next: async () => {
      for (;;) {
        const end = buffer.indexOf("\n\n");
        if (end !== -1) {
          const block = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          if (!block.startsWith(":")) return parse(block);
          continue;
        }
        const { value, done } = await reader.read();
        if (done) return undefined;
        buffer += value;
      }
    },
  };
}

function parse(block: string): TestEvent {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  return {
    event: fields.get("event") ?? "",
    id: fields.get("id"),
    data: JSON.parse(fields.get("data") ?? "null"),
  };
}
