import type { Job, Step } from "#common/contracts/http.ts";

/** Shows a job's way while it is waited for. */
export interface Reporter {
  /** The job as it is now; also told before anything else. */
  job(job: Job): void;
  /** A new step, or a changed one. */
  step(step: Step): void;
  /** Nothing more will come; leaves the screen as it should stay. */
  close(): void;
}
