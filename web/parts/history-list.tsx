import type { HistoryEntry, Workload } from "#common/contracts/http.ts";

import { changeText, shortCommit, shortJob } from "../core/format.ts";
import { jobPath } from "../core/route.ts";
import { useApp } from "../state/app.ts";
import { Ago } from "./ago.tsx";
import { Badge } from "./badge.tsx";
import { Empty, Skeleton } from "./empty.tsx";
import { Phase } from "./phase.tsx";
import { ProblemNote } from "./problem.tsx";
import { useLoaded } from "./use-loaded.ts";

const entriesShown = 20;

/** What ran when, by which job and person. */
export function HistoryList({ workload }: { readonly workload: Workload }) {
  const { api } = useApp();
  const { state, reload } = useLoaded(() => api.history(workload, entriesShown), {
    on: ["jobs", "git"],
    key: workload.id,
  });
  return (
    <section aria-labelledby="history">
      <h2 id="history">What ran when</h2>
      {state.kind === "loading" ? <Skeleton lines={3} label="Loading the history" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" && state.value.entries.length === 0 ? (
        <Empty title="Slipway has not changed it yet">What others committed is not shown here.</Empty>
      ) : null}
      {state.kind === "ready" && state.value.entries.length > 0 ? (
        <ol class="timeline">
          {state.value.entries.map((entry) => (
            <Entry key={entry.job} entry={entry} />
          ))}
        </ol>
      ) : null}
    </section>
  );
}

function Entry({ entry }: { readonly entry: HistoryEntry }) {
  return (
    <li>
      <span class="timeline-when">
        <Ago at={entry.createdAt} />
      </span>
      <span class="timeline-what">
        {entry.containers.map(({ container, policy, from, to }) => (
          <span key={`${container}${policy ?? ""}`} class="mono change">
            {policy === undefined
              ? changeText(from, to)
              : `${policy.replace(/^.*\//, "")}: ${from === "" ? "none" : from} → ${to ?? "none"}`}
          </span>
        ))}
        {entry.message === null ? null : (
          <span class="message" dir="auto">
            {entry.message}
          </span>
        )}
      </span>
      <span class="timeline-who">
        <Phase job={entry} />
        <span class="muted">
          {entry.kind} <a href={jobPath(entry.job)}>{shortJob(entry.job)}</a> by{" "}
          <span dir="auto">{entry.requestedBy}</span>, commit <code>{shortCommit(entry.commit)}</code>
        </span>
        {entry.automatic ? <Badge>automatic</Badge> : null}
        {entry.rollback.by === null ? null : (
          <a href={jobPath(entry.rollback.by)} class="badge warn">
            rolled back
          </a>
        )}
      </span>
    </li>
  );
}
