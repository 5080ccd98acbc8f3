import type { RolloutTarget } from "#common/store/schema.ts";
import type { NewStep } from "#common/store/steps.ts";
import type { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";

const causeLength = 500;
const logLength = 2_000;

/** `CrashLoopBackOff: front-end-6c9: exit code 1, 3 restarts`, on one line. */
export function causeOf({ reason, pod, message }: Trouble): string {
  return [reason, pod, message]
    .filter((text) => text !== "")
    .join(": ")
    .slice(0, causeLength);
}

/** What the view knew stays; what it could only call "not ready" gives way to the cause. */
export function withCause(target: RolloutTarget, troubles: readonly Trouble[]): RolloutTarget {
  const [first] = troubles;
  const { reason } = target;
  if (first === undefined || reason === null || known.test(reason)) return target;
  const lead = reason.replace(waiting, "").replace(/\.$/, "");
  return { ...target, reason: `${lead}: ${causeOf(first)}` };
}

/** Reasons that say what is wrong. */
const known =
  /\b(?:CrashLoopBackOff|ImagePullBackOff|ErrImage\w+|InvalidImageName|ImageInspectError|CreateContainer\w+|RunContainerError|Unschedulable|Failed\w+|Unhealthy|DeploymentPaused|other images than were applied)\b/;
/** The tail of a reason that only says that it is not over. */
const waiting = /: (?:ContainerCreating|PodInitializing|ContainersNotReady|ReadinessGatesNotReady)(?:: .*)?$/;

/** The last words of the first container that left some, as a step: the newest at the end. */
export function logStep(workload: string, troubles: readonly Trouble[]): NewStep[] {
  const spoke = troubles.find(({ logLines }) => logLines.length > 0);
  if (spoke === undefined) return [];
  const where = spoke.container === "" ? spoke.pod : `${spoke.pod} (${spoke.container})`;
  return [
    {
      text: `Last log lines of ${workload}: ${where}.`,
      outcome: "failed",
      detail: tailOf(spoke.logLines, logLength),
    },
  ];
}

/** As many of the last lines as fit. */
function tailOf(lines: readonly string[], length: number): string {
  const kept: string[] = [];
  let left = length;
  for (const line of lines.toReversed()) {
    left -= line.length + 1;
    if (left < 0) break;
    kept.unshift(line);
  }
  return kept.join("\n");
}
