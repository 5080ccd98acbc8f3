import type { Freeze, WindowNow } from "#common/contracts/gates.ts";
import type { Environment, Job } from "#common/contracts/http.ts";

import { changeText } from "./change.ts";
import { shortWorkload } from "./names.ts";
import { safe } from "./safe.ts";
import { shortDate } from "./time.ts";

/** `production is frozen until 01 Dec 26 06:00 UTC: incident 42 (alice, 25 Nov 26 20:00 UTC)` */
export function freezeLine(freeze: Freeze): string {
  const end = freeze.until === null ? "until it is lifted" : `until ${shortDate(freeze.until)}`;
  return safe(
    `${placeOf(freeze)} is frozen ${end}: ${freeze.reason} (${freeze.by}, ${shortDate(freeze.since)})`,
  );
}

/** `the freeze of production is lifted: incident 42` */
export function liftedLine(freeze: Freeze): string {
  return safe(`the freeze of ${placeOf(freeze)} is lifted: ${freeze.reason}`);
}

/** Everything that stops releases to an environment now; empty where nothing does. */
export function stopLines(environment: Environment): readonly string[] {
  const closed = environment.windows.filter((window) => !window.open);
  return [
    ...environment.freezes.map(freezeLine),
    ...closed.map((window) => closedLine(environment.name, window)),
  ];
}

/** What somebody is asked to consent to. */
export function changeLines(job: Job): readonly string[] {
  const changes = job.results.filter((result) => result.result === "change");
  const message = job.message === null ? "" : `: ${job.message}`;
  return [
    safe(`${job.headline}, asked for by ${job.requestedBy}${message}`),
    ...changes.slice(0, mostChanges).map((result) => {
      return safe(`  ${shortWorkload(result.workload)}  ${result.container}  ${changeText(result, "short")}`);
    }),
    ...(changes.length > mostChanges ? [`  and ${changes.length - mostChanges} more`] : []),
  ];
}

const mostChanges = 20;

/** `bob: tested on staging`; a consent to another plan says so. */
export function approvalText(approval: Job["approvals"][number]): string {
  const { by, verdict, comment, at, ofThisPlan } = approval;
  const why = comment === null ? "" : `: ${comment}`;
  const other = ofThisPlan ? "" : " (another plan than now)";
  return `${verdict} by ${by}, ${shortDate(at)}${other}${why}`;
}

function closedLine(environment: string, { until, reason, namespaces }: WindowNow): string {
  const where = namespaces === null ? environment : `${namespaces.join(", ")} in ${environment}`;
  const when = until === null ? "and no window opens within a year" : `until ${shortDate(until)}`;
  const why = reason === null ? "" : `: ${reason}`;
  return safe(`${where} is outside its windows ${when}${why}`);
}

function placeOf({ environment, namespace }: Freeze): string {
  return namespace === null ? environment : `${namespace} in ${environment}`;
}
