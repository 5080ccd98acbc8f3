import type { Try } from "./decide.ts";
import { errorCatalogue, isErrorCode } from "./errors.ts";

/** A container of an automated job that ended without its image. */
export interface TriedContainer {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
  readonly job: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly detail: string | null;
  readonly cancelledBy: string | null;
  readonly rejectedBy: string | null;
  /** Why the job left it alone, where it did. */
  readonly skipped: string | null;
  readonly endedAt: Date;
}

/** Who cancels an automated job that was decided anew: nothing speaks against its images. */
export const automationName = "automation";

const triesAtMost = 2;
const pauseMs = { first: 30_000, longest: 30 * 60_000 };

/** Left alone for a reason that says nothing of the image: the next decision knows better. */
const harmlessSkips: ReadonlySet<string> = new Set([
  "changed-since",
  "excluded",
  "group-waits",
  "held",
  "ignored",
  "locked",
  "not-automated",
  "not-in-cluster",
  "up-to-date",
]);

/**
 * What was tried in vain, by `workload container`: the newest image of each. An image that failed twice,
 * or that a person refused, is over; what failed for an outside reason comes again, ever later.
 */
export function triesOf(
  rows: readonly TriedContainer[],
  lifted: ReadonlyMap<string, Date>,
): ReadonlyMap<string, Try> {
  const counting = rows.filter((row) => {
    const liftedAt = lifted.get(keyOf(row));
    const isOld = liftedAt !== undefined && row.endedAt.getTime() <= liftedAt.getTime();
    return !isOld && row.cancelledBy !== automationName;
  });
  const newestFirst = counting.toSorted((a, b) => b.endedAt.getTime() - a.endedAt.getTime());
  return new Map([...Map.groupBy(newestFirst, keyOf)].flatMap(([key, group]) => tryOf(key, group)));
}

function tryOf(key: string, group: readonly TriedContainer[]): readonly (readonly [string, Try])[] {
  const [last] = group;
  if (last === undefined) return [];
  const same = group.filter(({ image }) => image === last.image);
  const failures = same.filter(speaksAgainst);
  const refused = same.find((row) => refusalOf(row) !== undefined);
  const pause = Math.min(pauseMs.first * 2 ** Math.max(0, growing(same) - 1), pauseMs.longest);
  const over = refused !== undefined || failures.length >= triesAtMost;
  const why = (refused && refusalOf(refused)) ?? whyText(last, over);
  const { job } = refused ?? last;
  return [[key, { image: last.image, job, over, why, againAt: new Date(last.endedAt.getTime() + pause) }]];
}

/** A person's no. */
function refusalOf({ cancelledBy, rejectedBy, outcome, job }: TriedContainer): string | undefined {
  const short = job.slice(-8);
  if (rejectedBy !== null) return `job ${short} was rejected by ${rejectedBy}`;
  return outcome === "cancelled" && cancelledBy !== null
    ? `job ${short} was cancelled by ${cancelledBy}`
    : undefined;
}

function whyText({ job, detail, skipped, outcome }: TriedContainer, over: boolean): string {
  const what = `job ${job.slice(-8)} ended without it: ${skipped ?? detail ?? outcome}`;
  return over ? `it failed ${triesAtMost} times, last: ${what}` : what;
}

function growing(rows: readonly TriedContainer[]): number {
  return rows.filter(({ skipped }) => skipped === null || !harmlessSkips.has(skipped)).length;
}

function speaksAgainst({ skipped, code, outcome }: TriedContainer): boolean {
  if (skipped !== null) return !harmlessSkips.has(skipped);
  if (outcome === "outcome-unknown" || outcome === "cancelled") return false;
  return code === null || !isErrorCode(code) || errorCatalogue[code].next === "stop";
}

function keyOf({ workload, container }: TriedContainer): string {
  return `${workload} ${container}`;
}
