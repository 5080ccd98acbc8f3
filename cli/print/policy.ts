import type { WorkloadPolicy } from "#common/contracts/policy-http.ts";

import { shortJob, shortWorkload } from "./names.ts";
import { safe } from "./safe.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

/** The policies that count for a workload, each with its place, and what stops automation. */
export function policyLines(policy: WorkloadPolicy, style: { readonly headers: boolean }): readonly string[] {
  const rows = policy.parts.map(({ key, value, source, counts, note }) => [
    key,
    counts ? value : `(${value})`,
    source.kind === "rule" ? `settings ${source.name}` : source.name,
    note ?? "",
  ]);
  const heading = style.headers ? [["POLICY", "VALUE", "FROM", "NOTE"]] : [];
  const place = policy.file === null ? "not in git" : policy.file;
  return [
    safe(`${shortWorkload(policy.workload)} on ${policy.environment}  ${place}`),
    ...(rows.length === 0 ? ["No policies."] : tableLines([...heading, ...rows])),
    ...noteLines(policy),
  ];
}

function noteLines(policy: WorkloadPolicy): readonly string[] {
  const { automated, automation, lock, holds, faults, warnings } = policy;
  return [
    automated && automation === "off"
      ? ["Automation is off for this environment: nothing moves by itself."]
      : [],
    lock === null
      ? []
      : [
          `Locked${lock.by === null ? "" : ` by ${lock.by}`}${lock.message === null ? "" : `: ${lock.message}`}`,
        ],
    holds.map(
      ({ container, image, reason, job, since }) =>
        `Held: ${container}, since ${shortDate(since)}: ${reason} (not to ${image}, job ${shortJob(job)}; slipway unhold)`,
    ),
    faults.map((fault) => `Fault: ${fault}`),
    warnings.map((warning) => `Note: ${warning}`),
  ]
    .flat()
    .map(safe);
}
