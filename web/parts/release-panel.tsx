import { useEffect, useRef } from "preact/hooks";

import type { Override } from "#common/contracts/overrides.ts";

import { CliProblem } from "../../cli/problem.ts";
import { changeText, countText } from "../core/format.ts";
import { changesOf, freezesFor, possibleOverrides } from "../core/release.ts";
import type { Choice } from "../core/release.ts";
import { useApp } from "../state/app.ts";
import type { Loaded } from "../state/workloads.ts";
import { Skeleton } from "./empty.tsx";
import { PlanView } from "./plan-view.tsx";
import { ProblemNote } from "./problem.tsx";
import { TextField } from "./text-field.tsx";
import { useKeys } from "./use-keys.ts";
import { useRelease } from "./use-release.ts";
import type { ReleaseDraft } from "./use-release.ts";

interface ReleasePanelProps {
  readonly environment: string;
  readonly choice: Choice;
  readonly onClose: () => void;
}

/** Shows what a release would do, file by file and byte by byte, and only then asks. */
export function ReleasePanel({ environment, choice, onClose }: ReleasePanelProps) {
  const draft = useRelease(environment, choice);
  const { plan, override, excluded } = draft;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus(), [JSON.stringify(choice)]);
  useKeys({ Escape: onClose });
  const ready = plan.value.kind === "ready" ? plan.value.value : undefined;
  return (
    <aside class="panel" aria-labelledby="release-head" ref={panel} tabIndex={-1}>
      <header class="section-head">
        <h2 id="release-head">Release to {environment}</h2>
        <button type="button" class="quiet" onClick={onClose} aria-label="Close the release">
          ✕
        </button>
      </header>
      {plan.value.kind === "loading" ? <Skeleton lines={6} label="Planning" /> : null}
      {plan.value.kind === "failed" ? (
        <ProblemNote error={plan.value.error} onRetry={() => void draft.ask()} />
      ) : null}
      {ready === undefined ? null : <PlanView plan={ready} excluded={excluded} />}
      <Overrides
        possible={possibleOverrides(ready, codeOf(plan.value))}
        chosen={override.value}
        onChange={(next) => void (override.value = next)}
      />
      <Confirm draft={draft} />
    </aside>
  );
}

function codeOf(plan: Loaded<unknown>): string | undefined {
  return plan.kind === "failed" && plan.error instanceof CliProblem ? plan.error.code : undefined;
}

function Confirm({ draft }: { readonly draft: ReleaseDraft }) {
  const { live, environments } = useApp();
  const { plan, excluded, message, sending, failure } = draft;
  if (plan.value.kind !== "ready") return null;
  const changes = changesOf(plan.value.value).filter(({ workload }) => !excluded.value.has(workload));
  const { environment } = plan.value.value;
  const known = environments.all.value?.find(({ name }) => name === environment);
  const freezes = freezesFor(changes, known?.freezes ?? []);
  const offline = live.state.value === "offline";
  if (changes.length === 0) return null;
  return (
    <form
      class="stack confirm"
      onSubmit={(event) => {
        event.preventDefault();
        void draft.confirm();
      }}
    >
      {freezes.map(({ namespace, reason }) => (
        <p key={namespace ?? ""} class="warn-text">
          {namespace ?? environment} is frozen (<span dir="auto">{reason}</span>): the job will wait for its
          end.
        </p>
      ))}
      <TextField label="Why (becomes part of the commit)" value={message} />
      {failure.value === undefined ? null : (
        <ProblemNote error={failure.value}>
          <p>Nothing is lost: what you see is still what would be released.</p>
        </ProblemNote>
      )}
      <button type="submit" class="primary large" disabled={sending.value || offline}>
        {sending.value ? "Releasing…" : actText(changes)}
      </button>
      {offline ? <p class="muted small">There is no connection to the server.</p> : null}
    </form>
  );
}

function actText(changes: ReturnType<typeof changesOf>): string {
  const [only] = changes;
  if (only === undefined || changes.length > 1) return `Release ${countText(changes.length, "change")}`;
  return `Release ${changeText(only.from, only.to)}`;
}

const words: Readonly<Record<string, string>> = {
  lock: "Pass the lock",
  filter: "Pass the tag filter",
  downgrade: "Allow a lower version",
};

interface OverridesProps {
  readonly possible: readonly Override[];
  readonly chosen: readonly Override[];
  readonly onChange: (next: readonly Override[]) => void;
}

function Overrides({ possible, chosen, onChange }: OverridesProps) {
  const shown = [...new Set([...possible, ...chosen])];
  if (shown.length === 0) return null;
  const toggle = (one: Override): void =>
    onChange(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]);
  return (
    <fieldset class="overrides">
      <legend>Held back. An override stands in the job and in the audit.</legend>
      {shown.map((one) => (
        <label key={one}>
          <input type="checkbox" checked={chosen.includes(one)} onChange={() => toggle(one)} />{" "}
          {words[one] ?? one}
        </label>
      ))}
    </fieldset>
  );
}
