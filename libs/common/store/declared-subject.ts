import type { IndexedWorkload } from "../domain/automation.ts";
import { parseWorkloadId } from "../domain/workload.ts";
import type { DeclaredRow } from "./manifests.ts";

/** A row of the index as policies and decisions are asked about it. */
export function toIndexedWorkload(row: DeclaredRow): IndexedWorkload {
  const { workload, labels, containers, path, fault } = row;
  const { namespace, kind = "", name } = parseWorkloadId(workload);
  const { hold, faults = [], ...rest } = row.policies;
  return {
    id: { namespace, kind, name },
    labels,
    containers,
    policies: hold === null ? rest : { ...rest, hold },
    path,
    policyFaults: faults,
    broken: fault?.message,
  };
}
