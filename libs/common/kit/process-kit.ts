import { createLog } from "./log.ts";
import type { Log, LogLevel } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import { createRedactor } from "./redactor.ts";
import type { Redactor } from "./redactor.ts";
import { stdoutTrace } from "./trace.ts";

/** What a process is told about itself. */
export interface ProcessNames {
  /** This process's own name, of which there may be several of one service. */
  readonly name: string;
  readonly logLevel: LogLevel;
  readonly trace: boolean;
}

/** What every process of ours has. */
export interface ProcessKit {
  readonly log: Log;
  /** Whatever it knows never leaves by the log. */
  readonly redactor: Redactor;
  readonly metrics: Metrics;
  readonly trace: ((line: string) => void) | undefined;
}

/** Opens log, metrics and trace of a process; `service` is what all of its kind are called. */
export function createProcessKit(service: string, { name, logLevel, trace }: ProcessNames): ProcessKit {
  const redactor = createRedactor();
  return {
    redactor,
    log: createLog({ service: name, level: logLevel, redactor }),
    metrics: createMetrics({ service }),
    trace: trace ? stdoutTrace(name) : undefined,
  };
}
