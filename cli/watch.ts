import type { Job, Step } from "#common/contracts/http.ts";

import { followJob } from "./follow.ts";
import { shortJob } from "./print/names.ts";
import { CliProblem } from "./problem.ts";
import { createLiveReporter } from "./progress/live.ts";
import { createPlainReporter } from "./progress/plain.ts";
import type { Reporter } from "./progress/reporter.ts";
import { createStoryReporter } from "./progress/story.ts";
import type { Session } from "./session.ts";

/** How the waiting ended: with the job, or before it. */
export interface Watched {
  readonly ended: "over" | "timeout" | "interrupt";
  /** As last heard of. */
  readonly job: Job;
  readonly steps: readonly Step[];
}

export interface WatchOptions {
  readonly timeoutMs: number;
}

/** Waits for a job's end while showing its steps. A Ctrl-C or the timeout leaves it running. */
export async function watchJob(session: Session, first: Job, options: WatchOptions): Promise<Watched> {
  const { io, api } = session;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort("timeout"), options.timeoutMs);
  const undo = io.onInterrupt(() => stop.abort("interrupt"));
  const reporter = reporterFor(session, first);
  const steps = new Map<number, Step>();
  let job = first;
  let ended: Watched["ended"] = "over";
  try {
    reporter.job(job);
    for await (const event of followJob({ api, clock: io.clock }, job.id, stop.signal)) {
      if (event.kind === "step") {
        steps.set(event.step.number, event.step);
        reporter.step(event.step);
      } else {
        job = event.job;
        reporter.job(job);
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw goesOn(error, first);
    ended = stop.signal.reason === "timeout" ? "timeout" : "interrupt";
  } finally {
    clearTimeout(timer);
    undo();
    reporter.close();
  }
  return { ended, job, steps: [...steps.values()].sort((a, b) => a.number - b.number) };
}

/** The command that takes up the waiting again. */
export function resumeText(job: Job): string {
  return `The job goes on: slipway job ${shortJob(job.id)} -w`;
}

function reporterFor(session: Session, job: Job): Reporter {
  const { io, options, errPaint } = session;
  // A rollback's story is its one last line.
  if (options.format === "story") return job.kind === "rollback" ? silent : createStoryReporter(io);
  return io.live ? createLiveReporter(io, errPaint) : createPlainReporter(io, job);
}

const silent: Reporter = { job: () => {}, step: () => {}, close: () => {} };

function goesOn(error: unknown, job: Job): unknown {
  if (!(error instanceof CliProblem)) return error;
  const hint = error.parts.hint === undefined ? resumeText(job) : `${error.parts.hint}\n${resumeText(job)}`;
  return new CliProblem({ ...error.parts, hint, cause: error });
}
