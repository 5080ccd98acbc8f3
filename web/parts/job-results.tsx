import type { ContainerResult, Job } from "#common/contracts/http.ts";

import { changeText, shortWorkload } from "../core/format.ts";
import { policyChange } from "../core/job-view.ts";
import { workloadPathOf } from "../core/route.ts";
import { Badge } from "./badge.tsx";
import { Skips } from "./plan-view.tsx";

/** What became of each container. */
export function JobResults({ job }: { readonly job: Job }) {
  const done = job.results.filter(({ result }) => result !== "skip");
  const skips = job.results.filter(({ result }) => result === "skip");
  if (job.results.length === 0) return null;
  return (
    <section aria-labelledby="results">
      <h2 id="results">Changes</h2>
      <ul class="changes">
        {done.map((one) => (
          <li key={`${one.workload} ${one.container} ${one.policy ?? ""}`}>
            <Name environment={job.environment} one={one} />
            <span class="mono change" title={`${one.from} → ${one.to ?? ""}`}>
              {one.policy === undefined ? changeText(one.from, one.to) : policyChange(one)}
            </span>
            {one.result === "failed" ? <Badge tone="bad">failed</Badge> : null}
            {one.result === "changed" ? <Badge tone="good">done</Badge> : null}
            {one.detail === null || job.error?.detail?.includes(one.detail) === true ? null : (
              <span class="muted small" dir="auto">
                {one.detail}
              </span>
            )}
            {one.file === null ? null : (
              <span class="muted small mono" dir="auto">
                {one.file}
              </span>
            )}
          </li>
        ))}
      </ul>
      <Skips skips={skips} />
    </section>
  );
}

function Name({ environment, one }: { readonly environment: string; readonly one: ContainerResult }) {
  const path = workloadPathOf(environment, one.workload);
  const name = shortWorkload(one.workload);
  return (
    <span class="change-name">
      {path === undefined ? name : <a href={path}>{name}</a>}{" "}
      {one.container === "" ? null : <span class="muted">{one.container}</span>}
    </span>
  );
}
