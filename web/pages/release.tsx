import { useMemo } from "preact/hooks";

import { countText } from "../core/format.ts";
import { latestChoice } from "../core/release.ts";
import { Empty } from "../parts/empty.tsx";
import { EnvironmentBanner } from "../parts/environment-banner.tsx";
import { ReleasePanel } from "../parts/release-panel.tsx";
import { useApp } from "../state/app.ts";

/** A release of several workloads at once: one plan, one commit. */
export function ReleasePage(props: { readonly environment: string; readonly workloads: readonly string[] }) {
  const { router } = useApp();
  const key = props.workloads.join(" ");
  const choice = useMemo(() => latestChoice(props.workloads), [key]);
  return (
    <>
      <EnvironmentBanner />
      <header class="head">
        <div>
          <p class="crumbs">
            <a href="/">Workloads</a> / Release
          </p>
          <h1>The newest images for {countText(props.workloads.length, "workload")}</h1>
        </div>
      </header>
      {props.workloads.length === 0 ? (
        <Empty title="No workload was chosen">
          Choose some with <kbd>x</kbd> in the <a href="/">list</a>.
        </Empty>
      ) : (
        <div class="release-page">
          <ReleasePanel environment={props.environment} choice={choice} onClose={() => router.go("/")} />
        </div>
      )}
    </>
  );
}
