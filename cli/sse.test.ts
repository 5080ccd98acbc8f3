import { expect, test } from "vitest";

import { readEvents } from "./sse.ts";
import type { ServerEvent } from "./sse.ts";

async function eventsOf(chunks: readonly (string | Uint8Array)[]): Promise<readonly ServerEvent[]> {
  async function* stream() {
    for (const chunk of chunks) yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
  }
  const events: ServerEvent[] = [];
  for await (const event of readEvents(stream())) events.push(event);
  return events;
}

test("events are read whatever the line ends and wherever the pieces are cut", async () => {
  const text =
    ': hi\r\n\r\nevent: step\r\nid: 4\r\ndata: {"a":\r\ndata: "ä"}\r\n\r\ndata:x\n\nevent: end\rdata: y\r\rdata: lost';
  const whole: readonly ServerEvent[] = [
    { event: "step", data: '{"a":\n"ä"}', id: "4" },
    { event: "message", data: "x", id: "4" },
    { event: "end", data: "y", id: "4" },
  ];
  expect(await eventsOf([text])).toEqual(whole);
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= 7; size += 1) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.slice(at * size, (at + 1) * size),
    );
    expect(await eventsOf(pieces)).toEqual(whole);
  }
});

test("an event without data is none, and an endless one is refused", async () => {
  expect(await eventsOf(["event: step\nid: 1\n\n"])).toEqual([]);
  await expect(eventsOf([`data: ${"x".repeat(1024 * 1024 + 10)}`])).rejects.toThrow("1 MiB");
});
