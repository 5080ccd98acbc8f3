import { useCallback, useEffect } from "preact/hooks";

import type { Workload } from "#common/contracts/http.ts";

import { countText } from "../core/format.ts";
import { mayDo } from "../core/rights.ts";
import { releasePath } from "../core/route.ts";
import { Empty, Skeleton } from "../parts/empty.tsx";
import { EnvironmentBanner } from "../parts/environment-banner.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { useNarrow } from "../parts/use-narrow.ts";
import { useListing } from "../parts/use-listing.ts";
import type { Listing } from "../parts/use-listing.ts";
import { WindowList } from "../parts/window-list.tsx";
import { WorkloadLine } from "../parts/workload-line.tsx";
import { WorkloadTools } from "../parts/workload-tools.tsx";
import { useApp } from "../state/app.ts";

const linePx = 40;
const narrowLinePx = 64;

/** Everything that runs in an environment, what is wrong first. */
export function WorkloadsPage() {
  const { workloads, environments, live, session } = useApp();
  const environment = environments.chosen.value?.name;
  const isIn = session.state.value.kind === "in";
  useEffect(() => {
    if (environment === undefined) return undefined;
    const load = (): void => void workloads.load(environment);
    load();
    const offs = [live.on("workloads", load), live.on("git", load), live.on("images", load)];
    return () => offs.forEach((off) => off());
  }, [environment, isIn]);
  const { value } = workloads.list;
  return (
    <>
      <h1 class="hidden">Workloads</h1>
      <EnvironmentBanner />
      {value.kind === "loading" ? <Skeleton lines={12} label="Loading workloads" /> : null}
      {value.kind === "failed" ? (
        <ProblemNote
          error={value.error}
          onRetry={() => void (environment === undefined ? undefined : workloads.load(environment))}
        />
      ) : null}
      {value.kind === "ready" ? <Shown all={value.value} /> : null}
    </>
  );
}

function Shown({ all }: { readonly all: readonly Workload[] }) {
  const listing = useListing(all);
  return (
    <>
      <WorkloadTools all={all} listing={listing} />
      {listing.lines.length === 0 ? <Nothing none={all.length === 0} /> : <Table listing={listing} />}
      {listing.picked.length > 0 ? <PickBar listing={listing} /> : null}
    </>
  );
}

const heads = ["Workload", "Running", "Newest", "State", "Policy"] as const;

function Table({ listing }: { readonly listing: Listing }) {
  const { session } = useApp();
  const small = useNarrow();
  const { lines, selected } = listing;
  const mayRelease = mayDo(session.last.value, "createRelease");
  const line = useCallback(
    (index: number) => {
      const one = lines[index];
      if (one === undefined) return null;
      const picked = one.kind === "row" && listing.isPicked(one.workload.id);
      const onPick = mayRelease ? listing.toggle : undefined;
      return (
        <WorkloadLine key={one.key} line={one} selected={index === selected} {...{ index, picked, onPick }} />
      );
    },
    [lines, selected, listing.picked, mayRelease],
  );
  return (
    <div class="workloads" role="table" aria-label="Workloads" aria-rowcount={lines.length + 1}>
      <div class="workload-heads" role="rowgroup">
        <div class="workload-row heads" role="row" aria-rowindex={1}>
          {heads.map((head) => (
            <span key={head} role="columnheader">
              {head}
            </span>
          ))}
          <span role="columnheader">
            <span class="hidden">Action</span>
          </span>
        </div>
      </div>
      <WindowList
        count={lines.length}
        linePx={small ? narrowLinePx : linePx}
        at={selected}
        role="rowgroup"
        label="Workloads"
        line={line}
      />
    </div>
  );
}

function PickBar({ listing: { picked, clear } }: { readonly listing: Listing }) {
  return (
    <div class="pick-bar" role="region" aria-label="Chosen workloads">
      <span>{countText(picked.length, "workload")} chosen</span>
      <button type="button" onClick={clear}>
        Clear
      </button>
      <a class="button primary" href={releasePath(picked[0]?.environment ?? "", picked)}>
        Release the newest…
      </a>
    </div>
  );
}

function Nothing({ none }: { readonly none: boolean }) {
  const { router } = useApp();
  if (none) {
    return (
      <Empty title="Nothing runs here yet">
        Nothing is declared in the config repository and nothing runs in the cluster.{" "}
        <a href="/environments">Check the environment</a>
      </Empty>
    );
  }
  const showAll = (): void => router.setQuery({ q: undefined, filter: undefined, namespace: undefined });
  return (
    <Empty title="No workload fits">
      <button type="button" onClick={showAll}>
        Show all
      </button>
    </Empty>
  );
}
