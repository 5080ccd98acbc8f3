import type { Environment } from "#common/contracts/http.ts";

import { isBehind, isFailing } from "../core/filters.ts";
import { shortCommit, spanText } from "../core/format.ts";
import { useApp } from "../state/app.ts";
import { Ago } from "./ago.tsx";
import { Badge } from "./badge.tsx";
import { Icon } from "./icon.tsx";

/** Which environment this is, what is stopped in it, and how old what is seen is. */
export function EnvironmentBanner() {
  const { environments, workloads } = useApp();
  const environment = environments.chosen.value;
  const { value } = workloads.list;
  if (environment === undefined) return <div class="banner" />;
  const all = value.kind === "ready" ? value.value : [];
  const failing = all.filter(isFailing).length;
  const behind = all.filter(isBehind).length;
  return (
    <>
      <div class="banner">
        <span class="banner-name">{environment.name}</span>
        <Badge title={modeTitles[environment.mode]}>{environment.mode}</Badge>
        <Ages />
        <span class="banner-counts">
          {failing > 0 ? <span class="bad-text strong">{failing} failing</span> : null}
          <WaitingCount />
          {behind > 0 ? <span>{behind} behind</span> : null}
        </span>
      </div>
      <Stops environment={environment} />
      <Stale />
    </>
  );
}

const modeTitles = {
  observe: "Nothing is written anywhere",
  apply: "Slipway applies what it commits",
  "hand-off": "Another tool applies; Slipway watches",
};

function WaitingCount() {
  const { waiting } = useApp();
  const count = waiting.value;
  if (count === 0) return null;
  return (
    <a href="/jobs?phase=waiting" class="warn-text strong">
      {count} waiting
    </a>
  );
}

/** Ages go on while nothing is read: what stands still must look old. */
function Ages() {
  const { environments, workloads, clock } = useApp();
  void clock.now.value;
  const age = environments.chosen.value?.age;
  if (age === undefined) return null;
  const sinceMs = performance.now() - environments.readAtMs.value;
  const images = workloads.age.value?.imagesMs ?? null;
  const imagesSinceMs = performance.now() - workloads.readAtMs.value;
  const old = (ms: number | null): string => (ms === null ? "never read" : spanText(ms + sinceMs));
  return (
    <span class="ages">
      <span
        title={age.clusterProblem ?? "Age of what is known of the cluster"}
        class={age.clusterProblem === null ? "" : "warn-text"}
      >
        cluster {old(age.clusterMs)}
      </span>
      <span
        title={age.gitProblem ?? "Age of what is known of the config repository"}
        class={age.gitProblem === null ? "" : "warn-text"}
      >
        git {age.gitCommit === null ? "" : <code>{shortCommit(age.gitCommit)}</code>} {old(age.gitMs)}
      </span>
      {images === null ? null : (
        <span title="Since the registries' answers were read">images {spanText(images + imagesSinceMs)}</span>
      )}
    </span>
  );
}

function Stops({ environment }: { readonly environment: Environment }) {
  const closed = environment.windows.filter(({ open }) => !open);
  const { clusterProblem, gitProblem, clusterComplete } = environment.age;
  return (
    <>
      {environment.freezes.map((freeze) => (
        <div class="note warn" key={freeze.namespace ?? ""}>
          <Icon name="lock" />
          <div class="note-text">
            <strong>{freeze.namespace === null ? "Frozen" : `${freeze.namespace} is frozen`}</strong>
            {": "}
            <span dir="auto">{freeze.reason}</span>
            <span class="muted">
              {" "}
              ({freeze.by}, <Ago at={freeze.since} />
              {freeze.until === null ? ", until it is lifted" : ", ends "}
              {freeze.until === null ? null : <Ago at={freeze.until} />})
            </span>
          </div>
        </div>
      ))}
      {closed.map((window, index) => (
        <div class="note warn" key={index}>
          <Icon name="wait" />
          <div class="note-text">
            <strong>Outside of release windows</strong>
            {window.namespaces === null ? "" : ` for ${window.namespaces.join(", ")}`}
            {window.reason === null ? "" : `: ${window.reason}`}
            {window.until === null ? "" : ", opens "}
            {window.until === null ? null : <Ago at={window.until} />}
          </div>
        </div>
      ))}
      {clusterProblem === null && clusterComplete ? null : (
        <div class="note warn">
          <Icon name="alert" />
          <div class="note-text">
            <strong>The cluster</strong>: {clusterProblem ?? "still being read; the list may not be complete"}
          </div>
        </div>
      )}
      {gitProblem === null ? null : (
        <div class="note warn">
          <Icon name="alert" />
          <div class="note-text">
            <strong>The config repository</strong>: {gitProblem}
          </div>
        </div>
      )}
    </>
  );
}

const quietMs = 2_000;

/** Said plainly when what is shown may no longer be so. */
export function Stale() {
  const { live, clock } = useApp();
  void clock.now.value;
  const cutAt = live.cutAtMs.value;
  if (cutAt === undefined || performance.now() - cutAt < quietMs) return null;
  return (
    <div class="note warn stale" role="alert">
      <Icon name="alert" />
      <div class="note-text">
        <strong>No connection to the server.</strong> What you see is {spanText(performance.now() - cutAt)}{" "}
        old; it is brought up to date as soon as the server answers.
      </div>
    </div>
  );
}
