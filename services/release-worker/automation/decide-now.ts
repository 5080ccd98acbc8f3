import { laneSubject } from "#common/contracts/queue.ts";
import { decideEnvironment } from "#common/domain/automation.ts";
import type { DecidedWorkload, EnvironmentFacts } from "#common/domain/automation.ts";
import { proposeJobs } from "#common/domain/automation-jobs.ts";
import type { Proposals, WaitingAutomation } from "#common/domain/automation-jobs.ts";
import { movesOf } from "#common/domain/decide.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { containerKey } from "#common/domain/plan-choice.ts";
import { lastWrites } from "#common/store/automation-facts.ts";
import type { OpenJob } from "#common/store/automation-facts.ts";
import { readEnvironmentFacts } from "#common/store/automation-read.ts";
import type { DueDecision } from "#common/store/automation-wakes.ts";
import type { NewHold } from "#common/store/holds.ts";
import { readClusterFacts } from "./cluster-facts.ts";
import type { DecisionTurn } from "./decision-turn.ts";
import { recordDecision } from "./record-decision.ts";

/** Reads everything, decides, and records jobs, holds and the next look in one transaction. */
export async function decideNow(turn: DecisionTurn, due: DueDecision): Promise<void> {
  const { deps, environment } = turn;
  const cluster = await readClusterFacts(deps, environment.name);
  const read = await readEnvironmentFacts(deps.store.db, { environment, cluster });
  const decided = decideEnvironment(read.facts);
  const undone = await undoneByHand(turn, { decided, lifted: read.lifted });
  const proposals = proposeJobs({
    decided,
    waiting: read.open.flatMap(waitingOf),
    approvals: environment.approvals ?? [],
    tried: new Set(read.facts.tries?.keys()),
    heldBack: new Set(undone.map(containerKey)),
  });
  const holds = [...undone, ...failedTooOften(environment.name, decided)];
  const nextInMs = nextLookMs(read.facts, decided);
  deps.fault("before-decision");
  const jobs = await recordDecision(turn, due, { proposals, holds, nextInMs });
  deps.fault("after-decision");
  tell(turn, due, { proposals, holds, jobs });
  for (const id of jobs) deps.store.hint(id);
  if (jobs.length > 0) await deps.ring(laneSubject(laneKey(environment.git.url, environment.git.branch)));
}

function waitingOf({ id, kind, origin, phase, gate, spec }: OpenJob): readonly WaitingAutomation[] {
  const isOurs = kind === "release" && origin === "automation" && phase === "waiting" && gate !== "merge";
  if (!isOurs || spec.kind !== "release" || spec.only === undefined) return [];
  return [{ id, containers: spec.only.containers }];
}

/**
 * What Slipway brought to health and git no longer declares, somebody took back there by hand (or another
 * writer did): bringing it again would be a quarrel without an end.
 */
async function undoneByHand(
  { deps, environment }: DecisionTurn,
  of: { readonly decided: readonly DecidedWorkload[]; readonly lifted: ReadonlyMap<string, Date> },
): Promise<readonly NewHold[]> {
  const moves = of.decided.flatMap(({ decision }) =>
    movesOf(decision).map((move) => ({ ...move, workload: decision.workload })),
  );
  if (moves.length === 0) return [];
  const wrote = await lastWrites(deps.store.db, { environment: environment.name, containers: moves });
  const last = new Map(wrote.map((one) => [containerKey(one), one]));
  return moves.flatMap((move): readonly NewHold[] => {
    const key = containerKey(move);
    const before = last.get(key);
    if (before?.phase !== "succeeded" || before.to !== move.to) return [];
    const liftedAt = of.lifted.get(key);
    if (liftedAt !== undefined && before.endedAt !== null && liftedAt > before.endedAt) return [];
    const reason = `git was changed back to ${move.image} after job ${before.job.slice(-8)} had brought ${move.to}`;
    const { workload, container, to: image } = move;
    return [{ environment: environment.name, workload, container, image, job_id: before.job, reason }];
  });
}

function failedTooOften(environment: string, decided: readonly DecidedWorkload[]): readonly NewHold[] {
  return decided.flatMap(({ decision: { workload, containers } }) =>
    containers.flatMap(({ container, to, toHold }): readonly NewHold[] =>
      toHold === undefined || to === undefined
        ? []
        : [{ environment, workload, container, image: to, job_id: toHold.job, reason: toHold.why }],
    ),
  );
}

/** Nothing is missed for longer, whoever forgot to tell. */
const sweepMs = 60_000;
const staleMs = 10_000;
const soonestMs = 1_000;

/** When a gate opens by itself, or what failed may be tried again. */
function nextLookMs({ now, tries, running }: EnvironmentFacts, decided: readonly DecidedWorkload[]): number {
  const openings = decided.flatMap(({ decision: { workload, stops, containers } }) => {
    const moving = containers.filter(({ to }) => to !== undefined);
    const retries = moving.flatMap(({ container, reason }) =>
      reason === "tried-before" ? (tries?.get(containerKey({ workload, container }))?.againAt ?? []) : [],
    );
    return moving.length > 0 ? [...stops.flatMap(({ until }) => until ?? []), ...retries] : [];
  });
  const ahead = openings.map((at) => at.getTime() - now.getTime()).filter((ms) => ms > 0);
  return Math.max(soonestMs, Math.min(running === undefined ? staleMs : sweepMs, ...ahead));
}

function tell(
  { deps, environment }: DecisionTurn,
  due: DueDecision,
  made: { proposals: Proposals; holds: readonly NewHold[]; jobs: readonly string[] },
): void {
  const { proposals, holds, jobs } = made;
  if (jobs.length + holds.length + proposals.cancel.length === 0) return;
  deps.log.info("automation decided", {
    environment: environment.name,
    why: due.whys.slice(0, 5),
    jobs,
    moves: proposals.jobs.flat().length,
    holds: holds.map(({ workload, reason }) => `${workload}: ${reason}`).slice(0, 20),
    cancelled: proposals.cancel,
  });
}
