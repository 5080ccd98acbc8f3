import type { JobWatch } from "./job-watch.ts";
import type { OpenAnswers } from "./open-answers.ts";
import type { WorkloadLists } from "./workload-lists.ts";

/** What the routes share that lives as long as the process. */
export interface LiveParts {
  readonly watch: JobWatch;
  readonly open: OpenAnswers;
  readonly lists: WorkloadLists;
}
