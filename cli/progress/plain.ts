import type { Job } from "#common/contracts/http.ts";

import type { Io } from "../io.ts";
import { blockLines, plainStepLine, plainWaitingLine } from "../print/steps.ts";

import type { Reporter } from "./reporter.ts";

/** A log file has no edge; lines of containers are bounded where they are read. */
const logColumns = 1_000;

/** One line per finished step and per change of a running one: for pipelines and their logs. */
export function createPlainReporter(io: Pick<Io, "err" | "clock">, first: Job): Reporter {
  const shown = new Map<number, string>();
  let job = first;
  let waitingFor: string | null = null;
  return {
    job: (next) => {
      job = next;
      if (next.waitingFor !== null && next.waitingFor !== waitingFor) {
        io.err(plainWaitingLine(next, io.clock.now()));
      }
      waitingFor = next.waitingFor;
    },
    step: (step) => {
      if (step.endedAt === null && step.detail === null) return;
      // A resumed stream may send a step again: the same words are not repeated.
      const key = `${step.endedAt ?? ""} ${step.outcome ?? ""} ${step.detail ?? ""}`;
      if (shown.get(step.number) === key) return;
      shown.set(step.number, key);
      io.err(plainStepLine(job, step, io.clock.now()));
      for (const line of blockLines(step, logColumns)) io.err(line);
    },
    close: () => {},
  };
}
