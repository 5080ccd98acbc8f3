/** One event of a text/event-stream. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** The last id the stream has named so far; "" before the first. */
  readonly id: string;
}

const eventBytesLimit = 1024 * 1024;

/**
 * Reads events off a stream as the HTML standard describes it; ends when the stream ends.
 * An event without its closing blank line is dropped, as the standard wants.
 */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder("utf-8");
  const parser = createParser();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of a CRLF: it waits for the next chunk.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    if (rest.length > eventBytesLimit) throw new Error("an event of the stream is larger than 1 MiB");
    for (const line of lines) {
      const event = parser.line(line);
      if (event !== undefined) yield event;
    }
  }
}

function createParser() {
  let event = "";
  let data: string[] = [];
  let dataLength = 0;
  let id = "";
  const take = (): ServerEvent | undefined => {
    const done = data.length === 0 ? undefined : { event: event || "message", data: data.join("\n"), id };
    event = "";
    data = [];
    dataLength = 0;
    return done;
  };
  const line = (text: string): ServerEvent | undefined => {
    if (text === "") return take();
    if (text.startsWith(":")) return undefined;
    const colon = text.indexOf(":");
    const field = colon === -1 ? text : text.slice(0, colon);
    const value = colon === -1 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "data") {
      dataLength += value.length;
      if (dataLength > eventBytesLimit) throw new Error("an event of the stream is larger than 1 MiB");
      data.push(value);
    }
    return undefined;
  };
  return { line };
}
