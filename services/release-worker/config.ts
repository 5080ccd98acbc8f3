import { readCertificateFiles, type CertificateFiles } from "#common/kit/grpc-certificates.ts";
import { envReader, type Env } from "#common/kit/env.ts";
import { readOpsAddress, type OpsAddress } from "#common/kit/ops-server.ts";
import { readTracing } from "#common/kit/tracing.ts";

export interface WorkerConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** The authority of a Redis whose certificate no public one signed. */
  readonly redisCaFile: string | undefined;
  readonly grpc: { readonly host: string; readonly port: number };
  readonly ops: OpsAddress;
  readonly certificateFiles: CertificateFiles | undefined;
  readonly watcherAddress: string;
  readonly scannerAddress: string;
  readonly cacheFolder: string;
  /** `SLIPWAY_ENVIRONMENTS`: those this process acts in, by comma; absent, all of them. */
  readonly environments: string | undefined;
  readonly name: string;
  readonly trace: boolean;
  readonly tracing: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  /** Tests only: where to kill or freeze this process. */
  readonly fault: string | undefined;
}

export function readWorkerConfig(env: Env): WorkerConfig {
  const read = envReader(env);
  return read.done({
    databaseUrl: read.url("DATABASE_URL"),
    redisUrl: read.url("REDIS_URL", { optional: true }),
    redisCaFile: read.text("REDIS_CA_FILE", { optional: true }),
    grpc: {
      host: read.text("SLIPWAY_GRPC_HOST", { fallback: "127.0.0.1" }),
      port: read.port("SLIPWAY_GRPC_PORT", { fallback: 3033 }),
    },
    ops: readOpsAddress(read),
    certificateFiles: readCertificateFiles(read),
    watcherAddress: read.text("SLIPWAY_WATCHER_ADDRESS", { fallback: "127.0.0.1:3031" }),
    scannerAddress: read.text("SLIPWAY_SCANNER_ADDRESS", { fallback: "127.0.0.1:3032" }),
    cacheFolder: read.text("SLIPWAY_CACHE_FOLDER", { fallback: ".slipway/git" }),
    environments: read.text("SLIPWAY_ENVIRONMENTS", { optional: true }),
    name: read.text("SLIPWAY_NAME", { fallback: "release-worker" }),
    trace: read.flag("SLIPWAY_TRACE"),
    tracing: readTracing(read),
    logLevel: read.text("SLIPWAY_LOG_LEVEL", {
      fallback: "info",
      oneOf: ["debug", "info", "warn", "error", "silent"],
    }) as WorkerConfig["logLevel"],
    fault: read.text("SLIPWAY_FAULT", { optional: true }),
  });
}
