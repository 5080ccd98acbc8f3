import type { Job } from "#common/contracts/http.ts";

import { wordsOf } from "../core/format.ts";
import { phaseLook } from "../core/job-view.ts";
import { Icon } from "./icon.tsx";

/** How a job stands: a sign, a colour and a word. */
export function Phase({ job }: { readonly job: Pick<Job, "phase" | "outcome"> }) {
  const look = phaseLook(job);
  return (
    <span class={`phase ${look.tone}`}>
      {look.busy ? <span class="spinner" aria-hidden="true" /> : <Icon name={look.icon} />}
      {wordsOf(job.outcome ?? job.phase)}
    </span>
  );
}
