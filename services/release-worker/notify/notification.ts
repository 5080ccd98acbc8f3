import type { ReceiverSettings } from "#common/contracts/notification-settings.ts";
import type { Settings } from "#common/contracts/settings.ts";
import type { UntoldEvent } from "#common/store/deliveries.ts";

type Filter = Pick<ReceiverSettings, "events" | "environments">;

/** Whether a receiver wants to hear of an event. */
export function wants(
  { events, environments }: Filter,
  event: Pick<UntoldEvent, "kind" | "environment">,
): boolean {
  if (environments !== undefined && !environments.includes(event.environment)) return false;
  return events.some((pattern) => {
    if (pattern === "*" || pattern === event.kind) return true;
    return pattern.endsWith(".*") && event.kind.startsWith(pattern.slice(0, -1));
  });
}

/** What a receiver is sent: the event, with its job as that event left it. */
export function notificationBody(
  { installation, publicUrl }: Pick<Settings, "installation" | "publicUrl">,
  event: UntoldEvent,
): Readonly<Record<string, unknown>> {
  const { kind, at, environment, job, jobId, data } = event;
  const head = { type: kind, at: at.toISOString(), installation, environment };
  if (jobId === null) return { ...head, data };
  return {
    ...head,
    job: {
      id: jobId,
      ...(job !== undefined && {
        kind: job.kind,
        headline: job.headline,
        requestedBy: job.requested_by,
        message: job.message,
        labels: job.labels,
        sourceSha: job.source_sha,
        rollbackOf: job.rollback_of,
        automatic: job.automatic,
      }),
      ...data,
      url: publicUrl === undefined ? null : new URL(`jobs/${jobId}`, withSlash(publicUrl)).href,
    },
  };
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
