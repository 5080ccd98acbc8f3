import { readCertificateFiles, type CertificateFiles } from "#common/kit/grpc-certificates.ts";
import { envReader } from "#common/kit/env.ts";
import type { Env } from "#common/kit/env.ts";
import type { LogLevel } from "#common/kit/log.ts";
import { readOpsAddress } from "#common/kit/ops-server.ts";
import type { OpsAddress } from "#common/kit/ops-server.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { readTracing } from "#common/kit/tracing.ts";

/** What the process is told from outside, besides the settings file. */
export interface ApiConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** The authority of a Redis whose certificate no public one signed. */
  readonly redisCaFile: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly ops: OpsAddress;
  readonly certificateFiles: CertificateFiles | undefined;
  readonly watcherAddress: string;
  readonly scannerAddress: string;
  readonly workerAddresses: readonly string[];
  readonly adminToken: string | undefined;
  readonly writesPerMinute: number;
  readonly trustedProxies: readonly string[];
  readonly name: string;
  readonly trace: boolean;
  readonly tracing: boolean;
  readonly logLevel: LogLevel;
  readonly settingsFile: string;
}

const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** Reads environment variables and `--config`; one SETTINGS_INVALID names every fault. */
export function readConfig(from: { env: Env; flag: string | undefined; cwd: string }): ApiConfig {
  const read = envReader(from.env);
  return read.done({
    databaseUrl: read.url("DATABASE_URL"),
    redisUrl: read.url("REDIS_URL", { optional: true }),
    redisCaFile: read.text("REDIS_CA_FILE", { optional: true }),
    host: read.text("SLIPWAY_HTTP_HOST", { fallback: "127.0.0.1" }),
    port: read.port("SLIPWAY_HTTP_PORT", { fallback: 3030 }),
    ops: readOpsAddress(read),
    certificateFiles: readCertificateFiles(read),
    watcherAddress: read.text("SLIPWAY_WATCHER_ADDRESS", { fallback: "127.0.0.1:3031" }),
    scannerAddress: read.text("SLIPWAY_SCANNER_ADDRESS", { fallback: "127.0.0.1:3032" }),
    workerAddresses: listOf(read.text("SLIPWAY_WORKER_ADDRESSES", { fallback: "127.0.0.1:3033" })),
    adminToken: read.text("SLIPWAY_ADMIN_TOKEN", { optional: true }),
    writesPerMinute: read.int("SLIPWAY_WRITES_PER_MINUTE", { fallback: 6000, min: 1 }),
    trustedProxies: listOf(read.text("SLIPWAY_TRUSTED_PROXIES", { fallback: "" })),
    name: read.text("SLIPWAY_NAME", { fallback: "api" }),
    trace: read.flag("SLIPWAY_TRACE"),
    tracing: readTracing(read),
    logLevel: read.text("SLIPWAY_LOG_LEVEL", { fallback: "info", oneOf: logLevels }) as LogLevel,
    settingsFile: findSettingsFile(from),
  });
}

function listOf(text: string): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}
