import type { Step } from "#common/contracts/http.ts";

import { durationText } from "../core/format.ts";
import { useApp } from "../state/app.ts";
import { Empty } from "./empty.tsx";
import { Icon } from "./icon.tsx";

/** The numbered log of a job, live; what a container wrote stands open below its step. */
export function Steps({ steps, over }: { readonly steps: readonly Step[]; readonly over: boolean }) {
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      {steps.length === 0 ? <Empty title={over ? "It has no steps" : "It has not begun yet"} /> : null}
      <ol class="steps" aria-live="polite" aria-relevant="additions">
        {steps.map((step) => (
          <StepRow key={step.number} step={step} />
        ))}
      </ol>
    </section>
  );
}

function StepRow({ step }: { readonly step: Step }) {
  const { clock } = useApp();
  const endMs = step.endedAt === null ? clock.now.value : Date.parse(step.endedAt);
  const block = step.detail?.includes("\n") === true;
  return (
    <li class={`step ${step.outcome ?? "running"}`}>
      <Mark step={step} />
      <span class="step-number">{step.number}</span>
      <div class="step-text">
        <span dir="auto">{step.text}</span>
        {step.detail === null || block ? null : (
          <span class={step.outcome === "failed" ? "step-detail bad-text" : "step-detail"} dir="auto">
            {step.detail}
          </span>
        )}
        {block ? (
          <pre class="log" tabIndex={0} aria-label={`What was written at step ${step.number}`} dir="auto">
            {step.detail}
          </pre>
        ) : null}
      </div>
      <span class="step-took">{durationText(endMs - Date.parse(step.startedAt))}</span>
    </li>
  );
}

function Mark({ step: { outcome } }: { readonly step: Step }) {
  switch (outcome) {
    case "ok":
      return <Sign name="check" words="done" tone="good" />;
    case "failed":
      return <Sign name="cross" words="failed" tone="bad" />;
    case "skipped":
      return <Sign name="dash" words="skipped" tone="plain" />;
    case null:
      return (
        <span class="step-mark accent">
          <span class="spinner" aria-hidden="true" />
          <span class="hidden">running</span>
        </span>
      );
    default:
      return outcome satisfies never;
  }
}

function Sign(props: {
  readonly name: "check" | "cross" | "dash";
  readonly words: string;
  readonly tone: "good" | "bad" | "plain";
}) {
  return (
    <span class={`step-mark ${props.tone}`}>
      <Icon name={props.name} />
      <span class="hidden">{props.words}</span>
    </span>
  );
}
