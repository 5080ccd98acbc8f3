import type { Workload } from "#common/contracts/http.ts";

import { isFailing } from "../core/filters.ts";
import { countText, shortTag, spanText, splitImage } from "../core/format.ts";
import { mayDo } from "../core/rights.ts";
import { workloadPath } from "../core/route.ts";
import type { Line, WorkloadContainer } from "../core/workload-lines.ts";
import { useApp } from "../state/app.ts";
import { Badge } from "./badge.tsx";
import { PolicyBadges } from "./policy-badges.tsx";
import { ReleaseState } from "./release-state.tsx";

export interface WorkloadLineProps {
  readonly line: Line;
  readonly index: number;
  readonly selected: boolean;
  readonly picked: boolean;
  readonly onPick: ((one: Workload) => void) | undefined;
}

/** One line of the list: a heading, or a container of a workload. */
export function WorkloadLine(props: WorkloadLineProps) {
  const { line, index, selected } = props;
  if (line.kind === "head") {
    return (
      <div class={line.bad ? "line-head bad" : "line-head"} role="row" aria-rowindex={index + 2}>
        <span role="cell">
          {line.title} <span class="muted">{line.count}</span>
        </span>
      </div>
    );
  }
  const { workload, container, first } = line;
  const classes = [
    "workload-row",
    first ? "" : "sub",
    selected ? "selected" : "",
    props.picked ? "picked" : "",
  ];
  return (
    <div
      class={classes.filter((name) => name !== "").join(" ")}
      role="row"
      aria-rowindex={index + 2}
      data-workload={workload.id}
    >
      <span class="cell-name" role="cell">
        {first ? <NameCell {...props} workload={workload} /> : null}
        <ContainerName workload={workload} container={container} hidden={line.hidden} />
      </span>
      <span class="cell-running mono" role="cell" title={container?.image}>
        {container === undefined ? <span class="muted">—</span> : <RunningTag container={container} />}
      </span>
      <span class="cell-newest" role="cell">
        {container === undefined ? null : <NewestCell container={container} />}
      </span>
      <span class="cell-state" role="cell">
        {first ? <ReleaseState release={workload.release} /> : null}
      </span>
      <span class="cell-policy" role="cell">
        {first ? <PolicyBadges workload={workload} /> : null}
      </span>
      <span class="cell-act" role="cell">
        {first ? <ReleaseLink workload={workload} /> : null}
      </span>
    </div>
  );
}

function NameCell({
  workload,
  picked,
  onPick,
  selected,
}: WorkloadLineProps & { readonly workload: Workload }) {
  return (
    <>
      {onPick === undefined ? null : (
        <input
          type="checkbox"
          class="pick"
          checked={picked}
          aria-label={`Choose ${workload.name}`}
          onChange={() => onPick(workload)}
        />
      )}
      <span class={`state-dot ${workload.release.state}`} aria-hidden="true" />
      <a
        class="name"
        href={workloadPath(workload)}
        {...(selected ? { "aria-current": "true" as const } : {})}
        title={workload.id}
      >
        {isFailing(workload) ? <span class="muted">{workload.namespace}/</span> : null}
        {workload.name}
      </a>
      {workload.kind.toLowerCase() === "deployment" ? null : <span class="kind">{workload.kind}</span>}
    </>
  );
}

function ContainerName(props: {
  readonly workload: Workload;
  readonly container: WorkloadContainer | undefined;
  readonly hidden: number;
}) {
  const { workload, container, hidden } = props;
  if (container === undefined) return null;
  const alone = workload.containers.length === 1 && container.name === workload.name;
  return (
    <>
      {alone ? null : (
        <span class="container-name">
          {container.name}
          {container.init ? " (init)" : ""}
        </span>
      )}
      {hidden > 0 ? <span class="container-name">{countText(hidden, "more container")}</span> : null}
    </>
  );
}

function RunningTag({ container }: { readonly container: WorkloadContainer }) {
  const { repository, version } = splitImage(container.image);
  return (
    <>
      <span class="tag">{shortTag(version) || "latest"}</span>
      <span class="repository">{repository}</span>
    </>
  );
}

const whyNone: Readonly<Record<string, string>> = {
  "not-an-image": "not an image",
  "no-policy": "no policy to choose by",
  "not-scanned": "registry not read yet",
  "no-eligible": "no eligible image",
  "no-runnable": "no image a node can run",
};

/** What "latest" would bring, and how far behind this is; or why there is nothing. */
function NewestCell({ container: { newest, newestReason } }: { readonly container: WorkloadContainer }) {
  if (newest === null) return <span class="muted">{whyNone[newestReason ?? ""] ?? newestReason}</span>;
  if (newest.behind === 0) return <span class="muted">up to date</span>;
  const behind = newest.behindMs === null ? "" : `, ${spanText(newest.behindMs)}`;
  return (
    <>
      <span class="mono tag" title={newest.tag}>
        {shortTag(newest.tag)}
      </span>
      <Badge tone="accent" title={`${countText(newest.behind, "eligible image")} newer than the running one`}>
        {newest.behind} behind{behind}
      </Badge>
    </>
  );
}

function ReleaseLink({ workload }: { readonly workload: Workload }) {
  const { session, environments } = useApp();
  const environment = environments.all.value?.find(({ name }) => name === workload.environment);
  if (
    !mayDo(session.last.value, "createRelease", {
      environment: workload.environment,
      workload: workload.id,
    }) ||
    environment?.mode === "observe"
  )
    return null;
  if (workload.declared === null) return null;
  return (
    <a
      class="button small"
      href={`${workloadPath(workload)}?release=latest`}
      aria-label={`Release ${workload.name}`}
      tabIndex={-1}
    >
      Release
    </a>
  );
}
