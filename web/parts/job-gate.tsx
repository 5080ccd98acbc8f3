import { useSignal } from "@preact/signals";

import type { Job } from "#common/contracts/http.ts";

import { Ago } from "./ago.tsx";
import { Icon } from "./icon.tsx";
import { ProblemNote } from "./problem.tsx";
import { useApp } from "../state/app.ts";

interface JobGateProps {
  readonly job: Job;
  readonly onChange: () => void;
}

/** What a job waits for and until when; where people are asked, their answer. */
export function JobGate({ job, onChange }: JobGateProps) {
  const waits = job.phase === "waiting" || (job.phase === "queued" && job.waitingFor !== null);
  return (
    <>
      {waits ? (
        <div class="note warn gate">
          <Icon name="wait" />
          <div class="note-text">
            <strong>
              {job.gate === "approval" ? "Your word is needed, or somebody else's" : "It waits"}
            </strong>
            {job.waitingFor === null ? null : <p dir="auto">{job.waitingFor}</p>}
            {job.waitingUntil === null ? null : (
              <p class="muted">
                {job.gate === "approval" ? "Must be answered" : "Goes on"} <Ago at={job.waitingUntil} />
              </p>
            )}
            {job.gate === "approval" ? <Answer job={job} onChange={onChange} /> : null}
          </div>
        </div>
      ) : null}
      {job.approvals.length === 0 ? null : (
        <ul class="truths">
          {job.approvals.map(({ by, verdict, comment, at, ofThisPlan }) => (
            <li key={`${by} ${at}`}>
              <span dir="auto">{by}</span> {verdict} <Ago at={at} />
              {comment === null ? "" : ": "}
              {comment === null ? null : <q dir="auto">{comment}</q>}
              {ofThisPlan ? "" : " (for another plan: it does not count)"}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Answer({ job, onChange }: JobGateProps) {
  const { api } = useApp();
  const comment = useSignal("");
  const failure = useSignal<unknown>(undefined);
  const busy = useSignal(false);
  const say = async (verdict: "approve" | "reject"): Promise<void> => {
    busy.value = true;
    failure.value = undefined;
    try {
      const why = comment.value.trim();
      // The plan that was looked at, so that nobody consents to what they have not seen.
      const body = {
        ...(job.planHash === null ? {} : { plan: job.planHash }),
        ...(why === "" ? {} : { comment: why }),
      };
      await (verdict === "approve" ? api.approve(job.id, body) : api.reject(job.id, body));
      onChange();
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void say("approve");
      }}
    >
      <label class="field">
        <span>Comment</span>
        <input
          type="text"
          dir="auto"
          maxLength={2_000}
          value={comment.value}
          onInput={(event) => void (comment.value = event.currentTarget.value)}
        />
      </label>
      {failure.value === undefined ? null : <ProblemNote error={failure.value} />}
      <div class="button-row">
        <button type="submit" class="primary" disabled={busy.value}>
          Approve
        </button>
        <button type="button" disabled={busy.value} onClick={() => void say("reject")}>
          Reject
        </button>
      </div>
    </form>
  );
}
