import { environmentSubject, laneSubject } from "#common/contracts/queue.ts";
import type { Subject } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ClosedGate } from "#common/domain/gates.ts";
import { instantText } from "#common/domain/instant-text.ts";
import * as jobs from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { Db } from "#common/store/store.ts";
import { takeDueWaits } from "#common/store/waiting-jobs.ts";
import type { WorkerDeps } from "../deps.ts";
import { toErrorRow } from "../error-row.ts";
import { askJob, readGateFacts } from "./ask-gates.ts";
import type { GateFacts } from "./ask-gates.ts";
import { waitingPatch, waitingStep } from "./hold-back.ts";

/** Jobs looked at in one transaction. */
const looksAtOnce = 50;
const mostRounds = 40;

/** The jobs that wait for people or for a time. Any worker looks at them, under their row locks alone. */
export interface WaitRoom {
  /** Looks at those that are due; never throws. */
  look(): Promise<void>;
  stop(): void;
}

type WaitDeps = Pick<WorkerDeps, "store" | "settings" | "log" | "ring">;

export function createWaitRoom(deps: WaitDeps): WaitRoom {
  const stopping = new AbortController();
  return {
    async look() {
      try {
        for (let round = 0; round < mostRounds && !stopping.signal.aborted; round += 1) {
          if ((await lookOnce(deps)) < looksAtOnce) return;
        }
      } catch (error) {
        deps.log.error("waiting jobs could not be looked at", { error });
      }
    },
    stop: () => stopping.abort(),
  };
}

/** How many jobs were looked at. */
async function lookOnce({ store, settings, ring }: WaitDeps): Promise<number> {
  const looked = await store.transaction(async (tx) => {
    const due = await takeDueWaits(tx, looksAtOnce);
    if (due.length === 0) return [];
    const facts = await readGateFacts(tx, due);
    const seen: { job: JobRow; released: boolean }[] = [];
    for (const job of due) {
      // Of an environment that is gone nothing stops it here: its lane tells so.
      const environment = settings.environments.find(({ name }) => name === job.environment) ?? {};
      const { closed } = askJob(job, { environment, facts });
      seen.push({ job, released: closed === undefined });
      await (closed === undefined ? release(tx, job) : wait(tx, { job, closed, facts }));
    }
    return seen;
  });
  for (const { job } of looked) store.hint(job.id);
  const released = looked.filter((one) => one.released).map(({ job }) => subjectOf(job));
  await Promise.all([...new Set(released)].map((subject) => ring(subject)));
  return looked.length;
}

async function release(tx: Db, job: JobRow): Promise<void> {
  await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
  // The plan's hash is kept: the plan that comes now is compared with what was approved.
  await jobs.moveJob(tx, { id: job.id, event: "gates-opened" });
}

async function wait(
  tx: Db,
  { job, closed, facts }: { job: JobRow; closed: ClosedGate; facts: GateFacts },
): Promise<void> {
  if (closed.expired) return expire(tx, job, closed);
  const [open] = await steps.openSteps(tx, job.id);
  if (open?.text !== closed.step) {
    await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
    await steps.appendSteps(tx, job.id, [waitingStep(closed)]);
  } else if (closed.detail !== undefined && open.detail !== closed.detail) {
    await steps.updateStep(tx, { jobId: job.id, number: open.number, detail: closed.detail });
  }
  await jobs.patchJob(tx, job.id, waitingPatch(closed, facts.now));
}

/** Nobody consented in time: the job ends, and says so. */
async function expire(tx: Db, job: JobRow, closed: ClosedGate): Promise<void> {
  const until = closed.until === undefined ? "its deadline" : instantText(closed.until);
  const detail = `nobody who may had approved it by ${until}`;
  const hint = "release it again to ask once more";
  const error = toErrorRow(new SlipwayError("APPROVAL_EXPIRED", { detail, hint }));
  await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail });
  await jobs.moveJob(tx, { id: job.id, event: "gate-refused", patch: { error, outcome: "not-approved" } });
}

/** A restart needs no lane. */
function subjectOf({ kind, environment, lane_id: laneId }: JobRow): Subject {
  return kind === "restart" ? environmentSubject(environment) : laneSubject(laneId);
}
