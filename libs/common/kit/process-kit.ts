import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { exposeExpiry, openCertificates } from "./grpc-certificates.ts";
import type { CertificateFiles, Certificates } from "./grpc-certificates.ts";
import { countGrpc } from "./grpc-metrics.ts";
import type { GrpcCounts } from "./grpc-metrics.ts";
import type { Service } from "./lifecycle.ts";
import { createLog } from "./log.ts";
import type { Log, LogLevel } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import { createRedactor } from "./redactor.ts";
import type { Redactor } from "./redactor.ts";
import { stdoutTrace } from "./trace.ts";
import { createTracing } from "./tracing.ts";
import type { Tracing } from "./tracing.ts";

/** What a process is told about itself. */
export interface ProcessNames {
  /** This process's own name, of which there may be several of one service. */
  readonly name: string;
  readonly logLevel: LogLevel;
  readonly trace: boolean;
  /** Whether spans are told to a collector. */
  readonly tracing?: boolean;
  /** Their passwords are secrets that the log must know. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string | undefined;
  /** Without them gRPC is plain text that stays on this machine. */
  readonly certificateFiles?: CertificateFiles | undefined;
}

/** What every process of ours has. */
export interface ProcessKit {
  readonly log: Log;
  /** Whatever it knows never leaves by the log. */
  readonly redactor: Redactor;
  readonly metrics: Metrics;
  /** Of the gRPC calls that it answers and makes. */
  readonly counts: GrpcCounts;
  readonly trace: ((line: string) => void) | undefined;
  readonly tracing: Tracing;
  /** What this process shows its peers, and believes of them. */
  readonly certificates: Certificates | undefined;
  /** What of all this has to be started and stopped. */
  readonly parts: readonly Service[];
}

/** Opens log, metrics and trace of a process; `service` is what all of its kind are called. */
export function createProcessKit(service: ServiceName, names: ProcessNames): ProcessKit {
  const { name, logLevel, trace } = names;
  const redactor = createRedactor();
  for (const url of [names.databaseUrl, names.redisUrl]) redactor.add(passwordIn(url));
  const log = createLog({ service: name, level: logLevel, redactor });
  const certificates = ownCertificates(service, names.certificateFiles, log);
  const tracing = createTracing({ enabled: names.tracing === true, service, name, log });
  const metrics = createMetrics({ service });
  if (certificates !== undefined) exposeExpiry(metrics, certificates);
  return {
    redactor,
    log,
    metrics,
    counts: countGrpc(metrics),
    trace: trace ? stdoutTrace(name) : undefined,
    tracing,
    certificates,
    parts: certificates === undefined ? [tracing] : [tracing, certificates],
  };
}

function passwordIn(url: string | undefined): string | undefined {
  return url === undefined ? undefined : decodeURIComponent(new URL(url).password);
}

function ownCertificates(
  service: ServiceName,
  files: CertificateFiles | undefined,
  log: Log,
): Certificates | undefined {
  if (files === undefined) return undefined;
  const certificates = openCertificates({ files, log });
  if (certificates.service === service) return certificates;
  const detail = `${files.certFile} is the certificate of ${certificates.service}, and this is ${service}`;
  throw new SlipwayError("SETTINGS_INVALID", { detail });
}
