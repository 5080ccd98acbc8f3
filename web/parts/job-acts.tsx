import { useSignal } from "@preact/signals";

import type { Job } from "#common/contracts/http.ts";

import { changeText, shortJob, shortWorkload } from "../core/format.ts";
import { canCancel, canUndo, policyChange } from "../core/job-view.ts";
import { mayDo } from "../core/rights.ts";
import { jobPath, workloadPathOf } from "../core/route.ts";
import { useApp } from "../state/app.ts";
import { Dialog } from "./dialog.tsx";
import { ProblemNote } from "./problem.tsx";

interface JobActsProps {
  readonly job: Job;
  readonly onChange: () => void;
}

type Question = "undo" | "cancel";

/** Undo, cancel, release again: only what is possible now and allowed to who is signed in. */
export function JobActs({ job, onChange }: JobActsProps) {
  const { session } = useApp();
  const question = useSignal<Question | undefined>(undefined);
  const who = session.last.value;
  const may = (name: "cancelJob" | "createRelease" | "rollbackJob"): boolean =>
    workloadsOf(job).every((workload) =>
      mayDo(who, name, { environment: job.environment, ...(workload !== undefined && { workload }) }),
    );
  const again = job.kind === "release" && job.finishedAt !== null ? releaseOf(job) : undefined;
  return (
    <div class="job-acts">
      {canCancel(job) && may("cancelJob") ? (
        <button type="button" onClick={() => void (question.value = "cancel")}>
          Cancel…
        </button>
      ) : null}
      {again !== undefined && may("createRelease") ? (
        <a class="button" href={again}>
          Release again…
        </a>
      ) : null}
      {canUndo(job) && may("rollbackJob") ? (
        <button
          type="button"
          class={job.phase === "failed" ? "primary" : ""}
          onClick={() => void (question.value = "undo")}
        >
          Roll back…
        </button>
      ) : null}
      {question.value === "undo" ? (
        <UndoDialog job={job} onClose={() => void (question.value = undefined)} />
      ) : null}
      {question.value === "cancel" ? (
        <CancelDialog job={job} onChange={onChange} onClose={() => void (question.value = undefined)} />
      ) : null}
    </div>
  );
}

/** All that it touched, once each; its environment alone where it touched nothing. */
function workloadsOf(job: Job): readonly (string | undefined)[] {
  const touched = job.results.flatMap(({ workload, result }) => (result === "skip" ? [] : [workload]));
  return touched.length === 0 ? [undefined] : [...new Set(touched)];
}

/** Where the one workload of a release is released again. */
function releaseOf(job: Job): string | undefined {
  const [first, ...others] = workloadsOf(job);
  if (first === undefined || others.length > 0) return undefined;
  const path = workloadPathOf(job.environment, first);
  return path === undefined ? undefined : `${path}?release=latest`;
}

interface DialogProps {
  readonly job: Job;
  readonly onClose: () => void;
}

function UndoDialog({ job, onClose }: DialogProps) {
  const { api, router } = useApp();
  const message = useSignal("");
  const busy = useSignal(false);
  const failure = useSignal<unknown>(undefined);
  const key = useSignal(crypto.randomUUID());
  const confirm = async (): Promise<void> => {
    busy.value = true;
    try {
      const why = message.value.trim();
      const made = await api.rollback(job.id, why === "" ? {} : { message: why }, key.value);
      router.go(jobPath(made.id));
    } catch (error) {
      failure.value = error;
      busy.value = false;
    }
  };
  const done = job.results.filter(({ result }) => result !== "skip");
  return (
    <Dialog title={`Roll back job ${shortJob(job.id)}`} onClose={onClose}>
      <p>It writes back exactly what this job changed, as one commit on {job.environment}:</p>
      <ul class="changes">
        {done.map((one) => (
          <li key={`${one.workload} ${one.container} ${one.policy ?? ""}`}>
            <span class="change-name">
              {shortWorkload(one.workload)} <span class="muted">{one.container}</span>
            </span>
            <span class="mono change">
              {one.policy === undefined
                ? changeText(one.to ?? "", one.from)
                : policyChange({ ...one, from: one.to ?? "", to: one.from })}
            </span>
          </li>
        ))}
      </ul>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <label class="field">
          <span>Why</span>
          <input
            type="text"
            dir="auto"
            maxLength={2_000}
            autoFocus
            value={message.value}
            onInput={(event) => void (message.value = event.currentTarget.value)}
          />
        </label>
        {failure.value === undefined ? null : <ProblemNote error={failure.value} />}
        <div class="button-row">
          <button type="submit" class="primary" disabled={busy.value}>
            Roll back
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function CancelDialog({ job, onChange, onClose }: DialogProps & { readonly onChange: () => void }) {
  const { api } = useApp();
  const failure = useSignal<unknown>(undefined);
  const busy = useSignal(false);
  const confirm = async (): Promise<void> => {
    busy.value = true;
    try {
      await api.cancel(job.id, crypto.randomUUID());
      onChange();
      onClose();
    } catch (error) {
      failure.value = error;
      busy.value = false;
    }
  };
  return (
    <Dialog title={`Cancel job ${shortJob(job.id)}`} onClose={onClose}>
      <p>It ends before its push. What is already pushed is not cancelled but rolled back.</p>
      {failure.value === undefined ? null : <ProblemNote error={failure.value} />}
      <div class="button-row">
        <button type="button" class="primary" disabled={busy.value} onClick={() => void confirm()}>
          Cancel the job
        </button>
        <button type="button" onClick={onClose}>
          Let it go on
        </button>
      </div>
    </Dialog>
  );
}
