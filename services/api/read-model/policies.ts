import { effectivePolicies, type PolicyRule, type PolicySubject } from "#common/domain/effective-policy.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";

/** A declared workload with the policies that count in its environment. */
export function withRules(row: DeclaredRow, rules: readonly PolicyRule[]): DeclaredRow {
  if (rules.length === 0) return row;
  const { faults = [] } = row.policies;
  const policies = effectivePolicies(rules, subjectOf(row));
  const own = { ...policies, hold: policies.hold ?? null };
  return { ...row, policies: faults.length === 0 ? own : { ...own, faults } };
}

/** What rules are asked about. */
export function subjectOf({ workload, labels, containers, policies }: DeclaredRow): PolicySubject {
  const { namespace, kind = "", name } = parseWorkloadId(workload);
  const { hold, faults: _, ...rest } = policies;
  return {
    id: { namespace, kind, name },
    labels,
    containers,
    policies: hold === null ? rest : { ...rest, hold },
  };
}
