import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { Workload } from "#common/contracts/http.ts";

import { latestChoice } from "../core/release.ts";
import type { Choice } from "../core/release.ts";
import { mayDo } from "../core/rights.ts";
import type { WorkloadName } from "../core/route.ts";
import { Empty, Skeleton } from "../parts/empty.tsx";
import { EnvironmentBanner } from "../parts/environment-banner.tsx";
import { HistoryList } from "../parts/history-list.tsx";
import { ImageList } from "../parts/image-list.tsx";
import { PolicyBadges } from "../parts/policy-badges.tsx";
import { PolicyPanel } from "../parts/policy-panel.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { ReleasePanel } from "../parts/release-panel.tsx";
import { ReleaseState } from "../parts/release-state.tsx";
import { useKeys } from "../parts/use-keys.ts";
import { useLoaded } from "../parts/use-loaded.ts";
import { useApp } from "../state/app.ts";

/** One workload: what it runs, what it could run, what ran when, what holds; and its release. */
export function WorkloadPage({ of }: { readonly of: WorkloadName }) {
  const { api, environments } = useApp();
  useEffect(() => environments.choose(of.environment), [of.environment]);
  const { state, reload } = useLoaded(() => findWorkload(api, of), {
    on: ["workloads", "git", "images"],
    key: JSON.stringify(of),
  });
  return (
    <>
      <EnvironmentBanner />
      {state.kind === "loading" ? <Skeleton lines={10} label="Loading the workload" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" && state.value === undefined ? (
        <Empty title={`There is no ${of.kind} ${of.namespace}/${of.name}`}>
          It is neither declared in git nor running in {of.environment}. <a href="/">All workloads</a>
        </Empty>
      ) : null}
      {state.kind === "ready" && state.value !== undefined ? <Shown workload={state.value} /> : null}
    </>
  );
}

async function findWorkload(
  api: ReturnType<typeof useApp>["api"],
  { environment, namespace, kind, name }: WorkloadName,
): Promise<Workload | undefined> {
  const { workloads } = await api.workloads({ environment, namespace });
  return workloads.find((one) => one.name === name && one.kind.toLowerCase() === kind.toLowerCase());
}

function Shown({ workload }: { readonly workload: Workload }) {
  const { router, session, environments } = useApp();
  const choice = useSignal<Choice | undefined>(undefined);
  const environment = environments.all.value?.find(({ name }) => name === workload.environment);
  const mayRelease =
    mayDo(session.last.value, "createRelease", {
      environment: workload.environment,
      workload: workload.id,
    }) &&
    environment?.mode !== "observe" &&
    workload.declared !== null;
  const wanted = router.query.value.get("release");
  useEffect(() => {
    if (wanted !== "latest" || !mayRelease) return;
    choice.value = latestChoice([workload.id]);
    router.setQuery({ release: undefined });
  }, [wanted, mayRelease]);
  const releaseNewest = (): void => void (choice.value = latestChoice([workload.id]));
  useKeys({
    r: () => {
      if (mayRelease) releaseNewest();
    },
    Escape: () => {
      if (choice.value === undefined) router.go("/");
      else choice.value = undefined;
    },
  });
  const pick = (container: string, image: string): void => {
    choice.value = withImage(choice.value, { workload: workload.id, container, image });
  };
  return (
    <>
      <Head
        workload={workload}
        onRelease={mayRelease && choice.value === undefined ? releaseNewest : undefined}
      />
      <div class={choice.value === undefined ? "columns" : "columns with-panel"}>
        <div class="column-main">
          <ImageList workload={workload} choice={choice.value} onPick={mayRelease ? pick : undefined} />
          <HistoryList workload={workload} />
          <PolicyPanel workload={workload} />
        </div>
        {choice.value === undefined ? null : (
          <ReleasePanel
            environment={workload.environment}
            choice={choice.value}
            onClose={() => void (choice.value = undefined)}
          />
        )}
      </div>
    </>
  );
}

interface HeadProps {
  readonly workload: Workload;
  readonly onRelease: (() => void) | undefined;
}

function Head({ workload, onRelease }: HeadProps) {
  const { release } = workload;
  return (
    <header class="head">
      <div>
        <p class="crumbs">
          <a href="/">Workloads</a> / <a href={`/?namespace=${workload.namespace}`}>{workload.namespace}</a>
        </p>
        <h1>
          {workload.name} <span class="kind">{workload.kind}</span>
        </h1>
        <p class="head-facts">
          <ReleaseState release={release} />
          <PolicyBadges workload={workload} />
          <DeclaredAt workload={workload} />
        </p>
        {release.message === null ? null : (
          <p class="pod-message" dir="auto">
            {release.message}
          </p>
        )}
      </div>
      {onRelease === undefined ? null : (
        <button type="button" class="primary" onClick={onRelease}>
          Release the newest… <kbd aria-hidden="true">r</kbd>
        </button>
      )}
    </header>
  );
}

function withImage(
  choice: Choice | undefined,
  one: { readonly workload: string; readonly container: string; readonly image: string },
): Choice {
  const others = choice?.kind === "exact" ? choice.containers : [];
  return {
    kind: "exact",
    containers: [...others.filter(({ container }) => container !== one.container), one],
  };
}

function DeclaredAt({ workload: { declared } }: { readonly workload: Workload }) {
  if (declared === null) return null;
  return (
    <span class="muted mono" dir="auto">
      {declared.file}:{declared.line}
    </span>
  );
}
