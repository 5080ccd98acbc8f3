import { useEffect, useState } from "preact/hooks";

import type { Job } from "#common/contracts/http.ts";

import { durationText, shortCommit, shortJob } from "../core/format.ts";
import { isOver, subjectOf, tookMs } from "../core/job-view.ts";
import { jobPath } from "../core/route.ts";
import { Ago } from "../parts/ago.tsx";
import { Empty, Skeleton } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { JobCharts } from "../parts/job-charts.tsx";
import { Phase } from "../parts/phase.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { useKeys } from "../parts/use-keys.ts";
import { useLoaded } from "../parts/use-loaded.ts";
import { useApp } from "../state/app.ts";

const jobKinds: readonly Job["kind"][] = ["release", "rollback", "policy", "sync", "restart"];
const jobPhases: readonly Job["phase"][] = [
  "queued",
  "waiting",
  "writing",
  "rolling-out",
  "succeeded",
  "failed",
  "rolled-back",
  "cancelled",
  "superseded",
];
const pageSize = 100;
const mostJobs = 1_000;
const spans = { "24h": "last day", "7d": "last 7 days", "30d": "last 30 days", "365d": "last year" } as const;

/** What was released, by whom, how it ended. */
export function JobsPage() {
  const { api, router, environments } = useApp();
  const [limit, setLimit] = useState(pageSize);
  const environment = environments.chosen.value?.name;
  const query = router.query.value;
  const asked = {
    environment,
    workload: query.get("workload") ?? undefined,
    phase: query.get("phase") ?? undefined,
    kind: query.get("kind") ?? undefined,
    requestedBy: query.get("by") ?? undefined,
    since: query.get("since") ?? "30d",
  };
  const { state, reload } = useLoaded(() => api.jobs(asked, limit), {
    on: ["jobs"],
    key: JSON.stringify([asked, limit]),
  });
  const jobs = state.kind === "ready" ? state.value : [];
  const at = useJobKeys(jobs);
  return (
    <>
      <h1 class="hidden">Jobs</h1>
      <JobTools />
      {state.kind === "loading" ? <Skeleton lines={10} label="Loading jobs" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" && jobs.length > 0 ? <JobCharts jobs={jobs} /> : null}
      {state.kind === "ready" && jobs.length === 0 ? (
        <Empty title="No job fits">
          <button
            type="button"
            onClick={() =>
              router.setQuery({
                workload: undefined,
                phase: undefined,
                kind: undefined,
                by: undefined,
                since: "365d",
              })
            }
          >
            Show all of the last year
          </button>
        </Empty>
      ) : null}
      {jobs.length > 0 ? <JobTable jobs={jobs} at={at} /> : null}
      {jobs.length >= limit && limit < mostJobs ? (
        <button type="button" class="more" onClick={() => setLimit(Math.min(mostJobs, limit * 3))}>
          Show older ones
        </button>
      ) : null}
    </>
  );
}

function useJobKeys(jobs: readonly Job[]): number {
  const { router } = useApp();
  const [at, setAt] = useState(-1);
  const move = (by: number): void => setAt(Math.max(0, Math.min(jobs.length - 1, at + by)));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    "/": () => document.getElementById("job-workload")?.focus(),
    Enter: () => {
      const job = jobs[at];
      if (job !== undefined) router.go(jobPath(job.id));
      else if (document.activeElement instanceof HTMLElement) document.activeElement.click();
    },
  });
  useEffect(() => {
    document.querySelector("[data-at='true']")?.scrollIntoView({ block: "nearest" });
  }, [at]);
  return at;
}

function JobTools() {
  const { router } = useApp();
  const query = router.query.value;
  const choice = (name: string, label: string, options: readonly string[]) => (
    <select
      aria-label={label}
      value={query.get(name) ?? ""}
      onChange={(event) => router.setQuery({ [name]: event.currentTarget.value })}
    >
      <option value="">{label}: all</option>
      {options.map((one) => (
        <option key={one} value={one}>
          {one.replaceAll("-", " ")}
        </option>
      ))}
    </select>
  );
  return (
    <div class="tools">
      <label class="search">
        <Icon name="search" />
        <span class="hidden">Workload</span>
        <input
          id="job-workload"
          type="search"
          placeholder="namespace/workload"
          defaultValue={query.get("workload") ?? ""}
          onChange={(event) => router.setQuery({ workload: event.currentTarget.value.trim() })}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      {choice("kind", "Kind", jobKinds)}
      {choice("phase", "Phase", jobPhases)}
      <select
        aria-label="Time"
        value={query.get("since") ?? "30d"}
        onChange={(event) => router.setQuery({ since: event.currentTarget.value })}
      >
        {Object.entries(spans).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function JobTable({ jobs, at }: { readonly jobs: readonly Job[]; readonly at: number }) {
  const { clock } = useApp();
  return (
    <table class="jobs">
      <caption class="hidden">Jobs, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Outcome</th>
          <th scope="col">What</th>
          <th scope="col" class="wide-only">
            By
          </th>
          <th scope="col">When</th>
          <th scope="col" class="number wide-only">
            Took
          </th>
          <th scope="col" class="wide-only">
            Commit
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job, index) => (
          <tr key={job.id} class={index === at ? "selected" : ""} data-at={index === at}>
            <td>
              <Phase job={job} />
            </td>
            <td class="what">
              <a href={jobPath(job.id)} dir="auto">
                {subjectOf(job)}
              </a>
              <span class="muted small">
                {job.kind} <span class="mono">{shortJob(job.id)}</span>
                {job.message === null ? null : <span dir="auto"> · {job.message}</span>}
              </span>
            </td>
            <td class="wide-only" dir="auto">
              {job.requestedBy}
            </td>
            <td class="nowrap">
              <Ago at={job.createdAt} />
            </td>
            <td class="number nowrap wide-only">
              {isOver(job) ? durationText(tookMs(job, clock.now.value)) : "…"}
            </td>
            <td class="mono wide-only">{job.commit === null ? "—" : shortCommit(job.commit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
