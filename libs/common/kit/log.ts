import { pino } from "pino";
import type { Logger } from "pino";

import { SlipwayError } from "#common/domain/errors.ts";

import { currentWork } from "./current-work.ts";
import { createRedactor } from "./redactor.ts";
import type { Redactor } from "./redactor.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Facts beside a line; an `error` is written with code, message and causes. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** One line per event: a constant text first, what varies in the facts. */
export interface Log {
  debug(text: string, facts?: LogFacts): void;
  info(text: string, facts?: LogFacts): void;
  warn(text: string, facts?: LogFacts): void;
  error(text: string, facts?: LogFacts): void;
  /** The same log with these facts on every line. */
  child(facts: LogFacts): Log;
}

export interface LogOptions {
  readonly service: string;
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
  /** Secrets that must not leave; whatever is written passes through it. */
  readonly redactor?: Redactor;
  /** Where lines go; stderr unless a test says otherwise. */
  readonly write?: (line: string) => void;
}

const deepestCause = 5;

/** Opens the log of a process: JSON lines on stderr. */
export function createLog(options: LogOptions): Log {
  const redactor = options.redactor ?? createRedactor();
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const shape = options.pretty === true ? prettyLine : (line: string) => line;
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service },
      messageKey: "text",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      mixin: workFacts,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorFacts },
    },
    { write: (line) => write(shape(redactor.redact(line))) },
  );
  return wrap(logger);
}

/** A log that says nothing, for tests and optional dependencies. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

function workFacts(): object {
  const { requestId, job } = currentWork();
  return { ...(requestId !== undefined && { requestId }), ...(job !== undefined && { job }) };
}

function wrap(logger: Logger): Log {
  return {
    debug: (text, facts = {}) => logger.debug(facts, text),
    info: (text, facts = {}) => logger.info(facts, text),
    warn: (text, facts = {}) => logger.warn(facts, text),
    error: (text, facts = {}) => logger.error(facts, text),
    child: (facts) => wrap(logger.child(facts)),
  };
}

function errorFacts(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const code: unknown = Reflect.get(error, "code");
  // Ours are expected and tell where they come from by their code; a stack helps only for the rest.
  const stack = error instanceof SlipwayError || depth > 0 ? undefined : error.stack;
  const cause =
    error.cause === undefined || depth >= deepestCause ? undefined : errorFacts(error.cause, depth + 1);
  return { name: error.name, code, message: error.message, stack, cause };
}

function prettyLine(line: string): string {
  const { time, level, service, text, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(facts).map(([key, value]) => `${key}=${plain(value)}`);
  const clock = String(time).slice(11, 23);
  return `${[clock, String(level).padEnd(5), String(service), String(text), ...rest].join(" ")}\n`;
}

function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "message" in value) return String(value.message);
  return JSON.stringify(value);
}
