import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";

import { withWork } from "./current-work.ts";
import { envReader } from "./env.ts";
import { silentLog } from "./log.ts";
import { createTracing, isTraceParent, readTracing, traced } from "./tracing.ts";
import type { NewSpan, Tracer } from "./span.ts";

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function recorder() {
  const begun: NewSpan[] = [];
  const ended: (string | undefined)[] = [];
  const tracer: Tracer = {
    begin: (span) => {
      begun.push(span);
      const traceParent = parent.replace("b7ad6b7169203331", begun.length.toString().padStart(16, "0"));
      return { traceParent, add: () => undefined, end: (failure) => void ended.push(failure) };
    },
    close: async () => undefined,
  };
  return { begun, ended, open: async () => tracer };
}

async function tracingTo(open: () => Promise<Tracer>, enabled = true) {
  const tracing = createTracing({ enabled, service: "api", name: "api-1", log: silentLog, open });
  await tracing.start();
  return tracing;
}

test("spans stand below each other, and a failure is told by its code", async () => {
  const { begun, ended, open } = recorder();
  const tracing = await tracingTo(open);
  const inner = () =>
    traced(tracing, { name: "inner", kind: "client" }, () => Promise.reject(new SlipwayError("UNAVAILABLE")));
  const outer = withWork({ traceParent: parent }, () =>
    traced(tracing, { name: "outer", kind: "internal" }, inner),
  );
  await expect(outer).rejects.toThrow(SlipwayError);
  expect(begun.map((span) => [span.name, span.parent])).toEqual([
    ["outer", parent],
    ["inner", "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01"],
  ]);
  expect(ended).toEqual(["UNAVAILABLE", "UNAVAILABLE"]);
});

test("work that belongs to no trace begins none", async () => {
  const { begun, open } = recorder();
  const tracing = await tracingTo(open);
  expect(await traced(tracing, { name: "poll", kind: "internal" }, async () => 1)).toBe(1);
  expect(begun).toEqual([]);
});

test("nothing is opened where no collector is given", async () => {
  const tracing = await tracingTo(() => Promise.reject(new Error("opened")), false);
  expect(tracing.begin({ name: "a", kind: "server" })).toBeUndefined();
  const read = (env: Record<string, string>) => readTracing(envReader(env));
  expect(read({})).toBe(false);
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" })).toBe(true);
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_SDK_DISABLED: "true" })).toBe(
    false,
  );
});

test.each([
  [parent, true],
  [`${parent}-more`, false],
  ["00-00000000000000000000000000000000-b7ad6b7169203331-01", false],
  ["", false],
])("%s is a trace parent: %s", (text, good) => {
  expect(isTraceParent(text)).toBe(good);
});
