import type { Metrics } from "#common/kit/metrics.ts";
import type { ScheduleSummary } from "#common/store/image-claims.ts";
import type { TokenAsk } from "#common/store/registry-hosts.ts";

export type ScanEnd = "changed" | "nothing-new" | "unreadable" | "rate-limited";

/** Counts what this scanner does, and shows how the schedule stands. */
export interface ScanCounts {
  scanned(host: string, end: ScanEnd): void;
  /** Requests that were taken out of a host's budget. */
  taken(ask: Pick<TokenAsk, "host">, requests: number): void;
  summary(schedule: ScheduleSummary): void;
}

export function createScanCounts(metrics: Metrics): ScanCounts {
  const scans = metrics.counter({
    name: "scans_total",
    help: "Scans of image repositories that ended in this process, by host and end.",
    labels: ["host", "outcome"],
  });
  const requests = metrics.counter({
    name: "registry_requests_total",
    help: "Requests this process took out of the budgets of registry hosts.",
    labels: ["host"],
  });
  const repositories = metrics.gauge({
    name: "scan_repositories",
    help: "Image repositories in use, by why they are scanned as often as they are.",
    labels: ["reason"],
  });
  const late = metrics.gauge({
    name: "scan_late_seconds",
    help: "How long the repository that waits longest has been due.",
  });
  const age = metrics.gauge({
    name: "scan_age_seconds",
    help: "How long ago the repository was scanned that was scanned longest ago.",
  });
  const alone = metrics.gauge({
    name: "registry_left_alone",
    help: "1 while a registry host is left alone, because it refused or did not answer.",
    labels: ["host"],
  });
  let told: { readonly reasons: readonly string[]; readonly hosts: readonly string[] } = {
    reasons: [],
    hosts: [],
  };
  return {
    scanned: (host, outcome) => scans.add({ host, outcome }),
    taken: ({ host }, count) => requests.add({ host }, count),
    summary({ byReason, lateMs, oldestMs, leftAlone }) {
      for (const reason of told.reasons) if (!byReason.has(reason)) repositories.set(0, { reason });
      for (const [reason, count] of byReason) repositories.set(count, { reason });
      for (const host of told.hosts) if (!leftAlone.includes(host)) alone.set(0, { host });
      for (const host of leftAlone) alone.set(1, { host });
      late.set(lateMs / 1000);
      age.set(oldestMs / 1000);
      told = { reasons: [...byReason.keys()], hosts: leftAlone };
    },
  };
}
