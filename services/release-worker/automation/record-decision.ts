import { laneKey, laneRefName } from "#common/domain/git-url.ts";
import type { Move, Proposals } from "#common/domain/automation-jobs.ts";
import { automationName } from "#common/domain/automation-tries.ts";
import { shortName } from "#common/domain/plan.ts";
import { noteDecision } from "#common/store/automation-wakes.ts";
import type { DueDecision } from "#common/store/automation-wakes.ts";
import { setHold } from "#common/store/holds.ts";
import type { NewHold } from "#common/store/holds.ts";
import { acceptJob } from "#common/store/job-accept.ts";
import { requestCancel } from "#common/store/jobs.ts";
import { ensureLane } from "#common/store/lanes.ts";
import type { JobSpec } from "#common/store/schema.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import type { Db } from "#common/store/store.ts";
import type { DecisionTurn } from "./decision-turn.ts";

/** What came of a decision. */
export interface Decided {
  readonly proposals: Proposals;
  readonly holds: readonly NewHold[];
  readonly nextInMs: number;
}

const soonMs = 1_000;

/** Jobs, holds and the end of the wakes in one transaction under the lease; the ids of the jobs. */
export async function recordDecision(
  turn: DecisionTurn,
  due: DueDecision,
  { proposals, holds, nextInMs }: Decided,
): Promise<readonly string[]> {
  const { deps, lease } = turn;
  const { environment } = due;
  return deps.store.fenced(lease, async (tx) => {
    for (const hold of holds) await setHold(tx, hold);
    if (!(await cancelAll(tx, proposals.cancel))) {
      // It went on meanwhile: what it is at is to be left alone.
      await noteDecision(tx, { environment, wakes: [], nextInMs: soonMs });
      return [];
    }
    const ids = proposals.jobs.length === 0 ? [] : await acceptAll(tx, turn, proposals.jobs);
    await noteDecision(tx, { environment, wakes: due.wakes, nextInMs });
    return ids;
  });
}

async function cancelAll(tx: Db, ids: readonly string[]): Promise<boolean> {
  let all = true;
  for (const id of ids) {
    const answer = await requestCancel(tx, { id, by: automationName });
    all &&= answer === "cancelled" || answer === "over";
  }
  return all;
}

async function acceptAll(
  tx: Db,
  { deps, environment }: DecisionTurn,
  jobs: readonly (readonly Move[])[],
): Promise<readonly string[]> {
  const { url, branch } = environment.git;
  const laneId = laneKey(url, branch);
  const laneRef = laneRefName(deps.settings.installation, branch);
  await ensureLane(tx, { id: laneId, url, branch, laneRef });
  const revision = await saveSettingsRevision(tx, deps.settings);
  const ids: string[] = [];
  for (const moves of jobs) {
    const id = deps.newId();
    const headline = headlineOf(moves);
    await acceptJob(tx, {
      job: {
        id,
        kind: "release",
        environment: environment.name,
        lane_id: laneId,
        settings_revision: revision,
        phase: "queued",
        priority: 2,
        origin: "automation",
        headline,
        spec: JSON.stringify(specOf(moves)),
        message: messageOf(moves),
        requested_by: automationName,
      },
      audit: {
        principal: automationName,
        operation: "createRelease",
        environment: environment.name,
        jobId: id,
        outcome: "accepted",
        detail: { headline },
      },
    });
    ids.push(id);
  }
  return ids;
}

/** Each container its own image, and only where git still declares what the decision saw. */
function specOf(moves: readonly Move[]): JobSpec {
  return {
    kind: "release",
    workloads: [...new Set(moves.map(({ workload }) => workload))],
    all: false,
    exclude: [],
    images: { exact: [...new Set(moves.map(({ to }) => to))] },
    override: [],
    only: {
      containers: moves.map(({ workload, container, from, to: image, group }) => ({
        workload,
        container,
        image,
        from,
        ...(group === undefined ? {} : { group }),
      })),
      skipChanged: true,
    },
  };
}

const mostNames = 5;
const mostWhys = 100;

/** "Auto-release shop/web:1.1.0 to sock-shop/web", as Flux worded it. */
export function headlineOf(moves: readonly Move[]): string {
  const images = [...new Set(moves.map(({ to }) => to))];
  const names = [...new Set(moves.map(({ workload }) => shortName(workload)))];
  const shown =
    names.length > mostNames
      ? `${names.slice(0, mostNames - 1).join(", ")} and ${names.length - mostNames + 1} more`
      : names.join(", ");
  return `Auto-release ${images.length === 1 ? images[0] : `${images.length} images`} to ${shown}`;
}

/** Why each moved; what moved is listed by the commit itself where it is more than one. */
export function messageOf(moves: readonly Move[]): string {
  const whys = moves.slice(0, mostWhys).map(({ why }) => why);
  const more = moves.length - whys.length;
  return [...whys, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}
