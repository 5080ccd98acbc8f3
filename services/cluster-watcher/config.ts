import { readCertificateFiles, type CertificateFiles } from "#common/kit/grpc-certificates.ts";
import { envReader, type Env } from "#common/kit/env.ts";
import { readOpsAddress, type OpsAddress } from "#common/kit/ops-server.ts";
import { readTracing } from "#common/kit/tracing.ts";

export interface WatcherConfig {
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly ops: OpsAddress;
  readonly certificateFiles: CertificateFiles | undefined;
  /** `SLIPWAY_ENVIRONMENTS`: those this process acts in, by comma; absent, all of them. */
  readonly environments: string | undefined;
  readonly name: string;
  readonly trace: boolean;
  readonly tracing: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

export function readWatcherConfig(env: Env): WatcherConfig {
  const read = envReader(env);
  return read.done({
    grpcHost: read.text("SLIPWAY_GRPC_HOST", { fallback: "127.0.0.1" }),
    grpcPort: read.port("SLIPWAY_GRPC_PORT", { fallback: 3031 }),
    ops: readOpsAddress(read),
    certificateFiles: readCertificateFiles(read),
    environments: read.text("SLIPWAY_ENVIRONMENTS", { optional: true }),
    name: read.text("SLIPWAY_NAME", { fallback: "cluster-watcher" }),
    trace: read.flag("SLIPWAY_TRACE"),
    tracing: readTracing(read),
    logLevel: read.text("SLIPWAY_LOG_LEVEL", {
      fallback: "info",
      oneOf: ["debug", "info", "warn", "error", "silent"],
    }) as WatcherConfig["logLevel"],
  });
}
