import { expect, test } from "vitest";

import { envReader } from "./env.ts";

test("reads each kind with its unit", () => {
  const read = envReader({
    DATABASE_URL: "postgres://localhost/slipway",
    PORT: "3030",
    SCAN: "90s",
    WORKERS: "4",
    DEBUG: "yes",
    LEVEL: "warn",
  });
  const config = read.done({
    databaseUrl: read.url("DATABASE_URL"),
    redisUrl: read.url("REDIS_URL", { optional: true }),
    port: read.port("PORT"),
    scanMs: read.durationMs("SCAN", { fallback: "60s" }),
    pollMs: read.durationMs("POLL", { fallback: "250ms" }),
    workers: read.int("WORKERS", { min: 1, max: 64 }),
    debug: read.flag("DEBUG"),
    pretty: read.flag("PRETTY"),
    level: read.text("LEVEL", { oneOf: ["info", "warn"], fallback: "info" }),
  });
  expect(config).toEqual({
    databaseUrl: "postgres://localhost/slipway",
    redisUrl: undefined,
    port: 3030,
    scanMs: 90_000,
    pollMs: 250,
    workers: 4,
    debug: true,
    pretty: false,
    level: "warn",
  });
});

test("tells all faults at once, and none of the values", () => {
  const read = envReader({
    PORT: "hunter2",
    WORKERS: "0",
    SCAN: "soon",
    LEVEL: "loud",
    FLAG: "maybe",
    EMPTY: "",
  });
  read.port("PORT");
  read.int("WORKERS", { min: 1, max: 64 });
  read.durationMs("SCAN");
  read.text("LEVEL", { oneOf: ["info", "warn"] });
  read.flag("FLAG");
  read.url("DATABASE_URL");
  read.text("EMPTY");
  const message = [
    "PORT must be a whole number from 0 to 65535",
    "WORKERS must be a whole number from 1 to 64",
    "SCAN must be a duration such as 250ms, 30s, 10m or 2h",
    "LEVEL must be one of info, warn",
    "FLAG must be true or false",
    "DATABASE_URL is missing",
    "EMPTY is missing",
  ];
  expect(() => read.done({})).toThrow(
    expect.objectContaining({ code: "SETTINGS_INVALID", detail: message.join("\n") }),
  );
});
