import type { JobWatch } from "./job-watch.ts";
import type { OpenAnswers } from "./open-answers.ts";

/** What answers that stay open share in this process. */
export interface LiveParts {
  readonly watch: JobWatch;
  readonly open: OpenAnswers;
}
