import type { Workload } from "#common/contracts/http.ts";
import type { WorkloadPolicy } from "#common/contracts/policy-http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { explainPolicies } from "#common/domain/effective-policy.ts";
import type { PolicySubject } from "#common/domain/effective-policy.ts";
import { filterOf } from "#common/domain/plan-target.ts";
import { readPolicies } from "#common/domain/policy.ts";
import type { HoldRow } from "#common/store/holds.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";

import { subjectOf } from "./read-model/policies.ts";

export interface PolicyFacts {
  readonly environment: EnvironmentSettings;
  readonly workload: Workload;
  /** Undefined where git does not declare it. */
  readonly row: DeclaredRow | undefined;
  readonly holds: readonly HoldRow[];
}

/** The policies that count for a workload, with the source of each part. */
export function policyOf(facts: PolicyFacts): WorkloadPolicy {
  const { environment, workload, row, holds } = facts;
  const subject = policySubject(facts);
  const { policies, parts, faults, warnings } = explainPolicies(environment.policies ?? [], subject);
  const { lockedBy = null, lockedMessage = null } = policies;
  return {
    workload: workload.id,
    environment: environment.name,
    file: row?.path ?? null,
    automation: environment.automation ?? "off",
    automated: policies.automated,
    locked: policies.locked,
    lock: policies.locked ? { by: lockedBy, message: lockedMessage } : null,
    ignore: policies.ignore,
    hold: policies.hold ?? null,
    holds: holds.map(toHold),
    filters: subject.containers.map(({ name }) => ({
      container: name,
      filter: filterOf(policies, name) ?? null,
    })),
    minAgeMs: policies.minAgeMs ?? null,
    platforms: [...(policies.platforms ?? [])],
    pinDigest: policies.pinDigest ?? false,
    allowDowngrade: policies.allowDowngrade ?? false,
    group: policies.group ?? null,
    autoRollback: policies.autoRollback ?? null,
    deadlineMs: policies.deadlineMs ?? null,
    parts: parts.map(({ key, value, source, counts, note = null }) => ({
      key,
      value,
      source: { kind: source.kind, name: source.name },
      counts,
      note,
    })),
    faults: [...new Set([...(row?.policies.faults ?? []), ...faults])],
    warnings: [...warnings],
  };
}

/** What only runs has no annotations of ours, but the environment's rules are about it too. */
export function policySubject({ workload, row }: Pick<PolicyFacts, "workload" | "row">): PolicySubject {
  if (row !== undefined) return subjectOf(row);
  const { namespace, kind, name, labels, containers } = workload;
  return { id: { namespace, kind, name }, labels, containers, policies: readPolicies({}) };
}

function toHold({ container, image, reason, job_id, since }: HoldRow): WorkloadPolicy["holds"][number] {
  return { container, image, reason, job: job_id, since: since.toISOString() };
}
