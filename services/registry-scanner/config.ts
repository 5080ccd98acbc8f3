import { readCertificateFiles, type CertificateFiles } from "#common/kit/grpc-certificates.ts";
import { envReader, type Env, type EnvReader } from "#common/kit/env.ts";
import { readOpsAddress, type OpsAddress } from "#common/kit/ops-server.ts";
import type { ProxySettings } from "#common/kit/proxies.ts";
import { readTracing } from "#common/kit/tracing.ts";

export interface ScannerConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** The authority of a Redis whose certificate no public one signed. */
  readonly redisCaFile: string | undefined;
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly ops: OpsAddress;
  readonly certificateFiles: CertificateFiles | undefined;
  readonly watcherAddress: string;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case. */
  readonly proxy: ProxySettings;
  readonly name: string;
  readonly trace: boolean;
  readonly tracing: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

export function readScannerConfig(env: Env): ScannerConfig {
  const read = envReader(env);
  return read.done({
    databaseUrl: read.url("DATABASE_URL"),
    redisUrl: read.url("REDIS_URL", { optional: true }),
    redisCaFile: read.text("REDIS_CA_FILE", { optional: true }),
    grpcHost: read.text("SLIPWAY_GRPC_HOST", { fallback: "127.0.0.1" }),
    grpcPort: read.port("SLIPWAY_GRPC_PORT", { fallback: 3032 }),
    ops: readOpsAddress(read),
    certificateFiles: readCertificateFiles(read),
    watcherAddress: read.text("SLIPWAY_WATCHER_ADDRESS", { fallback: "127.0.0.1:3031" }),
    proxy: readProxy(read),
    name: read.text("SLIPWAY_NAME", { fallback: "registry-scanner" }),
    trace: read.flag("SLIPWAY_TRACE"),
    tracing: readTracing(read),
    logLevel: read.text("SLIPWAY_LOG_LEVEL", {
      fallback: "info",
      oneOf: ["debug", "info", "warn", "error", "silent"],
    }) as ScannerConfig["logLevel"],
  });
}

function readProxy(read: EnvReader): ProxySettings {
  const url = (name: string): string | undefined =>
    read.url(name, { optional: true }) ?? read.url(name.toLowerCase(), { optional: true });
  const [https, http] = [url("HTTPS_PROXY"), url("HTTP_PROXY")];
  const none = read.text("NO_PROXY", { optional: true }) ?? read.text("no_proxy", { optional: true });
  return {
    ...(https !== undefined && { https }),
    ...(http !== undefined && { http }),
    ...(none !== undefined && { none }),
  };
}
