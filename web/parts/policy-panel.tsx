import { useSignal } from "@preact/signals";
import type { Signal } from "@preact/signals";

import type { Plan, Workload } from "#common/contracts/http.ts";
import type { PolicyRequestInput } from "#common/contracts/policy-requests.ts";

import { spanText } from "../core/format.ts";
import { mayDo } from "../core/rights.ts";
import { jobPath } from "../core/route.ts";
import { useApp } from "../state/app.ts";
import { Skeleton } from "./empty.tsx";
import { PlanView } from "./plan-view.tsx";
import { ProblemNote } from "./problem.tsx";
import { TextField } from "./text-field.tsx";
import { useLoaded } from "./use-loaded.ts";

/** Every word on who may change it and which tags count, with where it stands; and a change, seen before it is made. */
export function PolicyPanel({ workload }: { readonly workload: Workload }) {
  const { api, session, environments } = useApp();
  const { state, reload } = useLoaded(() => api.policy(workload), {
    on: ["git", "workloads"],
    key: workload.id,
  });
  const mode = environments.all.value?.find(({ name }) => name === workload.environment)?.mode;
  const mayChange =
    mayDo(session.last.value, "setPolicy", { environment: workload.environment, workload: workload.id }) &&
    workload.declared !== null &&
    mode !== "observe";
  return (
    <section aria-labelledby="policy">
      <h2 id="policy">Policy</h2>
      {state.kind === "loading" ? <Skeleton lines={2} label="Loading the policy" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready" ? (
        <>
          {[...state.value.faults, ...state.value.warnings].map((text) => (
            <p key={text} class="warn-text" dir="auto">
              {text}
            </p>
          ))}
          {state.value.parts.length === 0 ? (
            <p class="muted">
              Nothing is said about it: no filter chooses tags, and nothing moves by itself.
            </p>
          ) : (
            <table class="policy">
              <thead>
                <tr>
                  <th scope="col">Policy</th>
                  <th scope="col">Value</th>
                  <th scope="col">From</th>
                </tr>
              </thead>
              <tbody>
                {state.value.parts.map((part) => (
                  <tr key={`${part.key} ${part.source.name}`} class={part.counts ? "" : "not-counting"}>
                    <th scope="row">{part.key}</th>
                    <td class="mono" dir="auto">
                      {part.value}
                    </td>
                    <td class="muted">
                      {part.source.name}
                      {part.note === null ? "" : `: ${part.note}`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {state.value.minAgeMs === null ? null : (
            <p class="muted small">Images must be {spanText(state.value.minAgeMs)} old.</p>
          )}
          {mayChange ? (
            <PolicyEditor workload={workload} locked={state.value.locked} automated={state.value.automated} />
          ) : null}
        </>
      ) : null}
    </section>
  );
}

interface EditorProps {
  readonly workload: Workload;
  readonly locked: boolean;
  readonly automated: boolean;
}

type PolicySet = Readonly<Record<string, string | null>>;

interface PolicyDraft {
  readonly plan: Signal<Plan | undefined>;
  readonly message: Signal<string>;
  readonly failure: Signal<unknown>;
  preview(changes: PolicySet): Promise<void>;
  confirm(): Promise<void>;
  leave(): void;
}

function usePolicyDraft(workload: Workload): PolicyDraft {
  const { api, router } = useApp();
  const set = useSignal<PolicySet>({});
  const message = useSignal("");
  const plan = useSignal<Plan | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const body = (): PolicyRequestInput => ({
    environment: workload.environment,
    changes: [{ workload: workload.id, set: { ...set.value } }],
    ...(message.value.trim() === "" ? {} : { message: message.value.trim() }),
  });
  const trying = async (act: () => Promise<void>): Promise<void> => {
    failure.value = undefined;
    try {
      await act();
    } catch (error) {
      failure.value = error;
    }
  };
  return {
    plan,
    message,
    failure,
    preview: async (changes) => {
      set.value = changes;
      plan.value = undefined;
      await trying(async () => void (plan.value = await api.planPolicies(body())));
    },
    confirm: async () =>
      trying(async () => {
        const job = await api.changePolicies(body(), crypto.randomUUID());
        router.go(jobPath(job.id));
      }),
    leave: () => void (plan.value = undefined),
  };
}

function PolicyEditor({ workload, locked, automated }: EditorProps) {
  const draft = usePolicyDraft(workload);
  const filter = useSignal("");
  return (
    <div class="stack policy-editor">
      <div class="button-row">
        <button type="button" onClick={() => void draft.preview({ locked: locked ? null : "true" })}>
          {locked ? "Unlock…" : "Lock…"}
        </button>
        <button type="button" onClick={() => void draft.preview({ automated: automated ? null : "true" })}>
          {automated ? "Stop automating…" : "Automate…"}
        </button>
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            const text = filter.value.trim();
            void draft.preview({ tag_all: text === "" ? null : text });
          }}
        >
          <input
            type="text"
            placeholder="semver:~1.4"
            aria-label="Tag filter"
            value={filter.value}
            onInput={(event) => void (filter.value = event.currentTarget.value)}
          />
          <button type="submit">Set filter…</button>
        </form>
      </div>
      {draft.failure.value === undefined ? null : <ProblemNote error={draft.failure.value} />}
      {draft.plan.value === undefined ? null : <Preview draft={draft} plan={draft.plan.value} />}
    </div>
  );
}

function Preview({ draft, plan }: { readonly draft: PolicyDraft; readonly plan: Plan }) {
  const changes = plan.diffs.length > 0;
  return (
    <div class="preview">
      <h3>{changes ? "This commit would be made" : "Nothing would change"}</h3>
      <PlanView plan={plan} />
      {changes ? <TextField label="Why (becomes part of the commit)" value={draft.message} /> : null}
      <div class="button-row">
        {changes ? (
          <button type="button" class="primary" onClick={() => void draft.confirm()}>
            Change the policy
          </button>
        ) : null}
        <button type="button" onClick={() => draft.leave()}>
          Leave it
        </button>
      </div>
    </div>
  );
}
