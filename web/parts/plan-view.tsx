import type { Signal } from "@preact/signals";

import type { ContainerResult, Plan } from "#common/contracts/http.ts";

import { changeText, countText, shortCommit, shortWorkload, wordsOf } from "../core/format.ts";
import { byFile, changesOf, skipsOf } from "../core/release.ts";
import { Diff } from "./diff.tsx";
import { Empty } from "./empty.tsx";

interface PlanViewProps {
  readonly plan: Plan;
  /** Workloads left out; absent where nothing can be. */
  readonly excluded?: Signal<ReadonlySet<string>>;
}

/** A plan by file: what becomes what, what is left alone and why, and the diff. */
export function PlanView({ plan, excluded }: PlanViewProps) {
  const changes = changesOf(plan);
  const skips = skipsOf(plan);
  return (
    <div class="plan">
      {changes.length === 0 && plan.diffs.length === 0 ? (
        <Empty title="Nothing would change">
          {skips.length === 0 ? null : "Each container is left alone for the reason below."}
        </Empty>
      ) : (
        <p class="muted small">
          {countText(changes.length, "change")} in {countText(byFile(plan).length, "file")}, planned on commit{" "}
          <code>{shortCommit(plan.base)}</code>
        </p>
      )}
      {byFile(plan).map(([file, group]) => (
        <section key={file} class="plan-file">
          <ul class="changes">
            {group.map((one) => (
              <Change
                key={`${one.workload} ${one.container}`}
                one={one}
                several={changes.length > 1}
                excluded={excluded}
              />
            ))}
          </ul>
          {plan.diffs
            .filter(({ path }) => path === file)
            .map((diff) => (
              <Diff key={diff.path} diff={diff} />
            ))}
        </section>
      ))}
      {plan.diffs
        .filter(({ path }) => !byFile(plan).some(([file]) => file === path))
        .map((diff) => (
          <Diff key={diff.path} diff={diff} />
        ))}
      <Skips skips={skips} />
    </div>
  );
}

interface ChangeProps {
  readonly one: ContainerResult;
  readonly several: boolean;
  readonly excluded: Signal<ReadonlySet<string>> | undefined;
}

function Change({ one, several, excluded }: ChangeProps) {
  const left = excluded?.value.has(one.workload) === true;
  const toggle = (): void => {
    if (excluded === undefined) return;
    const next = new Set(excluded.value);
    if (!next.delete(one.workload)) next.add(one.workload);
    excluded.value = next;
  };
  const name = shortWorkload(one.workload);
  return (
    <li class={left ? "left-out" : ""}>
      {several && excluded !== undefined ? (
        <input type="checkbox" checked={!left} onChange={toggle} aria-label={`Release ${name}`} />
      ) : null}
      <span class="change-name">
        {name} <span class="muted">{one.container}</span>
      </span>
      <span class="mono change" title={`${one.from} → ${one.to ?? ""}`}>
        {changeText(one.from, one.to)}
      </span>
      {one.reason === null ? null : <span class="muted small">{wordsOf(one.reason)}</span>}
      {one.detail === null ? null : <span class="muted small">{one.detail}</span>}
    </li>
  );
}

const fewSkips = 6;

/** What is left alone, each with its reason; many are folded, never hidden. */
export function Skips({ skips }: { readonly skips: readonly ContainerResult[] }) {
  if (skips.length === 0) return null;
  return (
    <details class="skips" open={skips.length <= fewSkips}>
      <summary>{countText(skips.length, "container")} left alone</summary>
      <ul>
        {skips.map((one) => (
          <li key={`${one.workload} ${one.container}`}>
            <span class="change-name">
              {shortWorkload(one.workload)} <span class="muted">{one.container}</span>
            </span>
            <span class={one.reason === "up-to-date" ? "muted" : "warn-text"}>
              {wordsOf(one.reason ?? "skipped")}
            </span>
            {one.detail === null ? null : (
              <span class="muted" dir="auto">
                {one.detail}
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
