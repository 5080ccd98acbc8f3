import type { Workload } from "#common/contracts/http.ts";

import { Badge } from "./badge.tsx";

/** What holds for a workload beside its images: never hidden, and each with who and why. */
export function PolicyBadges({ workload }: { readonly workload: Workload }) {
  const { policies, declared, drift, owner, freeze, holds = [], policyFaults = [] } = workload;
  const has = (name: string): boolean => policies.includes(name);
  const hold = holds[0];
  return (
    <>
      {declared === null ? (
        <Badge tone="warn" title="It runs in the cluster; the config repository does not declare it.">
          not in git
        </Badge>
      ) : null}
      {declared?.problem ? (
        <Badge tone="bad" title={`${declared.file}: ${declared.problem.message}`}>
          file broken
        </Badge>
      ) : null}
      {policyFaults.length > 0 ? (
        <Badge tone="bad" title={policyFaults.join("\n")}>
          policy broken
        </Badge>
      ) : null}
      {freeze === null ? null : (
        <Badge tone="warn" title={`${freeze.reason} (${freeze.by})`}>
          frozen
        </Badge>
      )}
      {has("locked") ? (
        <Badge tone="warn" title={lockTitle(workload.lock)}>
          locked{workload.lock?.by ? ` by ${workload.lock.by}` : ""}
        </Badge>
      ) : null}
      {hold === undefined ? null : (
        <Badge tone="warn" title={hold.reason}>
          held
        </Badge>
      )}
      {drift ? (
        <Badge tone="warn" title="What runs is not what git declares.">
          drift
        </Badge>
      ) : null}
      {has("ignore") ? <Badge title="Left alone by releases and syncs">ignored</Badge> : null}
      {has("automated") ? (
        <Badge {...(workload.automation === "off" ? { title: "Automation is off in this environment" } : {})}>
          automated{workload.automation === "off" ? " (off here)" : ""}
        </Badge>
      ) : null}
      {owner.kind === "none" || owner.kind === "slipway" ? null : (
        <Badge title={owner.name}>{owner.kind}</Badge>
      )}
    </>
  );
}

function lockTitle(lock: Workload["lock"]): string {
  const why = lock?.message ?? "no reason was given";
  return lock?.by ? `${lock.by}: ${why}` : why;
}
