import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";

import { warnRarely } from "./log-rarely.ts";
import { createLog } from "./log.ts";
import type { LogOptions } from "./log.ts";
import { createRedactor } from "./redactor.ts";

function recording(more: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ service: "api", level: "info", write: (line) => lines.push(line), ...more });
  const parsed = (): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines, parsed };
}

test("writes one JSON line with service, level, time, text and facts", () => {
  const { log, parsed } = recording();
  log.child({ lane: "l1" }).info("taken", { jobs: 2 });
  log.debug("not at this level");
  const [line, ...rest] = parsed();
  expect(rest).toEqual([]);
  expect(line).toMatchObject({ service: "api", level: "info", text: "taken", lane: "l1", jobs: 2 });
  expect(line?.["time"]).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

test("writes an error with its code and causes", () => {
  const { log, parsed } = recording();
  const cause = new Error("ECONNREFUSED");
  log.error("failed", { error: new SlipwayError("STORE_UNAVAILABLE", { cause }) });
  expect(parsed()[0]?.["error"]).toMatchObject({
    code: "STORE_UNAVAILABLE",
    cause: { message: "ECONNREFUSED" },
  });
});

test("a secret never leaves: not in text, facts, errors, nor encoded", () => {
  const redactor = createRedactor();
  const secret = 'hunter2"/ü?\\';
  redactor.add(secret);
  redactor.add(undefined);
  redactor.add("abc");
  for (const pretty of [false, true]) {
    const { log, lines } = recording({ redactor, pretty });
    log.info(`with ${secret}`, {
      url: `https://bot:${encodeURIComponent(secret)}@host`,
      header: Buffer.from(secret).toString("base64"),
      error: new Error(`refused ${secret}`),
      ordinary: "abc",
    });
    const all = lines.join("");
    expect(all).not.toContain("hunter2");
    expect(all).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
    expect(all).toContain("[redacted]");
    expect(all).toContain("abc");
  }
});

test("a longer secret is hidden whole when a shorter one is part of it", () => {
  const redactor = createRedactor();
  redactor.add("token");
  redactor.add("token-of-prod");
  expect(redactor.redact("x token-of-prod y")).toBe("x [redacted] y");
});

test("writes lines for people when asked", () => {
  const { log, lines } = recording({ pretty: true });
  log.warn("slow", { ms: 12, error: new Error("late") });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}api slow ms=12 error=late\n$/);
});

test("warns once while the same trouble lasts, and says how often it was silent", async () => {
  const { log, parsed } = recording();
  const clock = createFakeClock();
  const warn = warnRarely(log, { everyMs: 1_000, clock });
  for (let call = 0; call < 5; call += 1) warn("away");
  warn("something else");
  await clock.advance(1_000);
  warn("away");
  expect(parsed().map((line) => [line["text"], line["leftOut"]])).toEqual([
    ["away", undefined],
    ["something else", undefined],
    ["away", 4],
  ]);
});
