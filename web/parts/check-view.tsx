import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";

import { countText, shortCommit } from "../core/format.ts";
import { Icon } from "./icon.tsx";

type Trial = EnvironmentCheck["git"]["read"];

/** The onboarding screen: is everything connected, and what has no partner. */
export function CheckView({ check }: { readonly check: EnvironmentCheck }) {
  const { git, cluster, match, registries } = check;
  const missing = cluster.rights.filter(({ allowed, required }) => !allowed && required);
  const optional = cluster.rights.filter(({ allowed, required }) => !allowed && !required);
  return (
    <div class="check">
      <p class={check.ok ? "good-text strong" : "bad-text strong"} role="status">
        {check.ok ? "Everything that this mode needs is there." : "Something is missing."}{" "}
        <span class="muted">{check.next}</span>
      </p>
      <ul class="trials">
        <TrialRow
          name="Git: read"
          trial={git.read}
          more={`${git.tip === null ? "" : shortCommit(git.tip)} ${countText(git.files, "manifest")}`}
        />
        <TrialRow
          name="Git: push"
          trial={git.push}
          more={git.pushNeeded ? (git.level ?? "") : "not needed in this mode"}
        />
        <TrialRow name="Cluster: reach" trial={cluster.reach} more={cluster.version ?? ""} />
        <TrialRow name="Cluster: view" trial={cluster.view} more="" />
        <TrialRow
          name="Cluster: rights"
          trial={{ ok: missing.length === 0, code: null, detail: rightsText(missing), hint: null }}
          more={`${cluster.rights.length - missing.length - optional.length} of ${cluster.rights.length} allowed`}
        />
        {registries.map((one) => (
          <TrialRow
            key={one.host}
            name={`Registry ${one.host}`}
            trial={{
              ok: one.failing === 0,
              code: one.problem?.code ?? null,
              detail: one.problem?.detail ?? one.problem?.title ?? null,
              hint: one.problem?.hint ?? null,
            }}
            more={`${countText(one.repositories, "repository", "repositories")}, ${one.failing} failing, ${one.waiting} waiting`}
          />
        ))}
      </ul>
      {check.warnings.map((warning) => (
        <p key={warning} class="warn-text">
          {warning}
        </p>
      ))}
      {match === null ? null : (
        <p>
          {match.live} live, {match.declared} declared, {match.matched} matched; {match.notInGit.length} not
          in git, {match.notLive.length} not live
        </p>
      )}
      {match === null ? null : <Unmatched name="Not in git" rows={match.notInGit} />}
      {match === null ? null : <Unmatched name="Not live" rows={match.notLive} />}
    </div>
  );
}

function rightsText(missing: EnvironmentCheck["cluster"]["rights"]): string | null {
  if (missing.length === 0) return null;
  return `missing: ${missing.map(({ verb, resource, namespace }) => `${verb} ${resource}${namespace === null ? "" : ` in ${namespace}`}`).join(", ")}`;
}

function TrialRow({
  name,
  trial,
  more,
}: {
  readonly name: string;
  readonly trial: Trial;
  readonly more: string;
}) {
  return (
    <li>
      <span class={trial.ok ? "good-text" : "bad-text"}>
        <Icon name={trial.ok ? "check" : "cross"} />
        <span class="hidden">{trial.ok ? "well" : "not well"}</span>
      </span>
      <span class="trial-name">{name}</span>
      <span class="muted">{more}</span>
      {trial.detail === null ? null : <span dir="auto">{trial.detail}</span>}
      {trial.hint === null ? null : <span class="muted">{trial.hint}</span>}
    </li>
  );
}

function Unmatched(props: {
  readonly name: string;
  readonly rows: readonly { readonly workload: string; readonly reason: string }[];
}) {
  if (props.rows.length === 0) return null;
  return (
    <details>
      <summary>
        {props.name} ({props.rows.length})
      </summary>
      <ul class="unmatched">
        {props.rows.map(({ workload, reason }) => (
          <li key={workload}>
            <span class="mono">{workload}</span> <span class="muted">{reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
