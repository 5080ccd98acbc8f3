import type { AuditEntry } from "#common/contracts/audit.ts";

import { operationWords, subjectText } from "../core/audit-view.ts";
import { shortJob } from "../core/format.ts";
import { jobPath } from "../core/route.ts";
import { useApp } from "../state/app.ts";
import { Ago } from "./ago.tsx";
import { Empty, Skeleton } from "./empty.tsx";
import { ProblemNote } from "./problem.tsx";
import { useLoaded } from "./use-loaded.ts";

const entriesShown = 50;

/** Who asked for what, refused or not, newest first. */
export function AuditPanel() {
  const { api } = useApp();
  const { state, reload } = useLoaded(() => api.audit({}, entriesShown), {
    on: ["jobs", "environment"],
    key: "audit",
  });
  return (
    <section class="card" aria-labelledby="audit">
      <h2 id="audit">Audit</h2>
      {state.kind === "loading" ? <Skeleton lines={4} label="Loading the audit" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" && state.value.length === 0 ? (
        <Empty title="Nothing was asked for yet" />
      ) : null}
      {state.kind === "ready" && state.value.length > 0 ? <AuditTable entries={state.value} /> : null}
      <p class="muted small">
        The last {entriesShown}. All of it, as JSON lines: <code>slipway audit -o json</code>
      </p>
    </section>
  );
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  return (
    <table>
      <thead>
        <tr>
          {["When", "Who", "What", "About", "Outcome"].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td class="nowrap">
              <Ago at={entry.at} />
            </td>
            <td dir="auto">{entry.principal}</td>
            <td>{operationWords(entry.operation)}</td>
            <td dir="auto">
              {subjectText(entry)}{" "}
              {entry.job === null ? null : <a href={jobPath(entry.job)}>{shortJob(entry.job)}</a>}
              {entry.reason === null ? null : <span class="muted"> {entry.reason}</span>}
            </td>
            <td>{entry.outcome}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
