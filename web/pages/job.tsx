import { useEffect, useMemo } from "preact/hooks";

import type { Job, Step } from "#common/contracts/http.ts";

import { exactText, shortCommit, shortJob } from "../core/format.ts";
import { isOver, jobSentence, truthsOf } from "../core/job-view.ts";
import { jobPath } from "../core/route.ts";
import { Ago } from "../parts/ago.tsx";
import { Badge } from "../parts/badge.tsx";
import { Skeleton } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { JobActs } from "../parts/job-acts.tsx";
import { JobGate } from "../parts/job-gate.tsx";
import { JobResults } from "../parts/job-results.tsx";
import { Phase } from "../parts/phase.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { Steps } from "../parts/steps.tsx";
import { useApp } from "../state/app.ts";
import { followOneJob } from "../state/followed-job.ts";

/** A job while it goes on, and the report of it afterwards. */
export function JobPage({ id }: { readonly id: string }) {
  const { api, environments } = useApp();
  const followed = useMemo(() => followOneJob(api, id), [id]);
  useEffect(() => () => followed.stop(), [followed]);
  const { value } = followed.job;
  const environment = value.kind === "ready" ? value.value.environment : undefined;
  useEffect(() => {
    if (environment !== undefined) environments.choose(environment);
  }, [environment]);
  return (
    <>
      {value.kind === "loading" ? <Skeleton lines={10} label="Loading the job" /> : null}
      {value.kind === "failed" ? (
        <>
          <p class="crumbs">
            <a href="/jobs">Jobs</a>
          </p>
          <h1>Job {shortJob(id)}</h1>
          <ProblemNote error={value.error} />
        </>
      ) : null}
      {value.kind === "ready" ? (
        <Shown
          job={value.value}
          steps={followed.steps.value}
          cut={followed.cut.value}
          onChange={() => void followed.reload()}
        />
      ) : null}
    </>
  );
}

interface ShownProps {
  readonly job: Job;
  readonly steps: readonly Step[];
  readonly cut: boolean;
  readonly onChange: () => void;
}

function Shown({ job, steps, cut, onChange }: ShownProps) {
  const truths = truthsOf(job);
  return (
    <article class="job">
      <p class="crumbs">
        <a href="/jobs">Jobs</a> / <span class="mono">{shortJob(job.id)}</span>
      </p>
      <Head job={job} steps={steps} onChange={onChange} />
      {cut && !isOver(job) ? (
        <div class="note warn stale" role="alert">
          <Icon name="alert" />
          <div class="note-text">
            <strong>No connection to the server.</strong> The job goes on without you; what you see may be
            old.
          </div>
        </div>
      ) : null}
      <JobGate job={job} onChange={onChange} />
      <JobError job={job} />
      <ul class="truths">
        <li>{truths.git}</li>
        <li>{truths.cluster}</li>
        <RollbackLinks job={job} />
      </ul>
      <div class="columns with-panel">
        <div class="column-main">
          <Steps steps={steps} over={isOver(job)} />
        </div>
        <aside class="side" aria-label="About this job">
          <JobResults job={job} />
          <Facts job={job} />
        </aside>
      </div>
    </article>
  );
}

function Head({ job, steps, onChange }: Omit<ShownProps, "cut">) {
  const { clock } = useApp();
  return (
    <header class="job-head">
      <div>
        <h1 class="sentence" dir="auto" title={job.headline}>
          {jobSentence(job, steps, clock.now.value)}
        </h1>
        <p class="head-facts">
          <Phase job={job} />
          <span class="hidden" role="status">
            {job.phase}
          </span>
          <Badge>{job.kind}</Badge>
          {job.overrides.map((one) => (
            <Badge key={one} tone="warn" title="A right that this job used">
              override: {one}
            </Badge>
          ))}
          <span class="muted">
            by <span dir="auto">{job.requestedBy}</span>, <Ago at={job.createdAt} />
          </span>
        </p>
      </div>
      <JobActs job={job} onChange={onChange} />
    </header>
  );
}

function JobError({ job: { error } }: { readonly job: Job }) {
  if (error === null) return null;
  return (
    <div class="note bad">
      <Icon name="cross" />
      <div class="note-text">
        <strong>{error.title}</strong>
        {error.detail === null ? null : (
          <p class="pod-message" dir="auto">
            {error.detail}
          </p>
        )}
        {error.hint === null ? null : <p class="muted">{error.hint}</p>}
        <p class="small">
          <a href={`/v1/errors/${error.code}`} target="_blank" rel="noreferrer">
            {error.code}
          </a>
        </p>
      </div>
    </div>
  );
}

function RollbackLinks({ job: { rollback } }: { readonly job: Job }) {
  return (
    <>
      {rollback.of === null ? null : (
        <li>
          It undoes job <a href={jobPath(rollback.of)}>{shortJob(rollback.of)}</a>.
        </li>
      )}
      {rollback.by === null ? null : (
        <li>
          It was undone by job <a href={jobPath(rollback.by)}>{shortJob(rollback.by)}</a>
          {rollback.byCommit === null ? "" : `, commit ${shortCommit(rollback.byCommit)}`}.
        </li>
      )}
    </>
  );
}

function Facts({ job }: { readonly job: Job }) {
  const labels = Object.entries(job.labels);
  return (
    <dl class="facts">
      {job.message === null ? null : (
        <Fact name="Why">
          <span dir="auto">{job.message}</span>
        </Fact>
      )}
      {job.commit === null ? null : (
        <Fact name="Commit">
          <code title={job.commit}>{shortCommit(job.commit)}</code>
        </Fact>
      )}
      {job.sourceSha === null ? null : (
        <Fact name="Source">
          <code title={job.sourceSha}>{shortCommit(job.sourceSha)}</code>
        </Fact>
      )}
      {labels.map(([name, value]) => (
        <Fact key={name} name={name}>
          {/^https?:\/\//.test(value) ? (
            <a href={value} target="_blank" rel="noreferrer noopener">
              {value}
            </a>
          ) : (
            <span dir="auto">{value}</span>
          )}
        </Fact>
      ))}
      <Fact name="Asked">{exactText(job.createdAt)}</Fact>
      {job.finishedAt === null ? null : <Fact name="Ended">{exactText(job.finishedAt)}</Fact>}
      <Fact name="Job">
        <code class="break">{job.id}</code>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt dir="auto">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
