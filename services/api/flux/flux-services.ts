import type { Workload } from "#common/contracts/http.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";

import type { FluxReadOnly, FluxService } from "./flux-answers.ts";

export interface ServiceFacts {
  readonly workloads: readonly Workload[];
  readonly declared: ReadonlyMap<string, readonly DeclaredRow[]>;
  /** Nothing may be written in this environment. */
  readonly observed: boolean;
  /** The config repository was read at least once. */
  readonly indexed: boolean;
}

/** Workloads as `fluxctl list-workloads` and `release --watch` read them. */
export function toFluxServices(facts: ServiceFacts): readonly FluxService[] {
  return facts.workloads.map((workload) => toFluxService(facts, workload));
}

function toFluxService(facts: ServiceFacts, workload: Workload): FluxService {
  const policies = policiesOf(facts.declared.get(workload.id)?.[0]);
  const has = (name: string): boolean => policies[name] === "true";
  return {
    ID: workload.id,
    Containers: workload.containers.map(({ name, image, newest }) => ({
      Name: name,
      Current: { ID: image, Labels: {} },
      LatestFiltered: { ID: newest === null ? "" : withTag(image, newest.tag), Labels: {} },
    })),
    ReadOnly: readOnly(facts, workload),
    Status: statusOf(workload),
    Rollout: rolloutOf(workload),
    SyncError: workload.declared?.problem?.message ?? "",
    Antecedent: "",
    Labels: workload.labels,
    Automated: has("automated"),
    Locked: has("locked"),
    Ignore: has("ignore"),
    Policies: policies,
  };
}

/** What stands in git, by fluxd's names of it. */
function policiesOf(row: DeclaredRow | undefined): Readonly<Record<string, string>> {
  if (row === undefined) return {};
  const { automated, locked, ignore, tags, written = {} } = row.policies;
  const flags = { automated, locked, ignore };
  return Object.fromEntries([
    ...Object.entries(flags).flatMap(([name, set]) => (set ? [[name, "true"]] : [])),
    ...Object.entries(tags).map(([container, filter]) => [`tag.${container}`, filter]),
    ...Object.entries(written).map(([key, { value }]) => [key, value]),
  ]);
}

function readOnly({ observed, indexed }: ServiceFacts, { declared }: Workload): FluxReadOnly {
  if (observed) return "ReadOnlyMode";
  if (!indexed) return "NotReady";
  return declared === null ? "NotInRepo" : "";
}

function statusOf({ release }: Workload): FluxService["Status"] {
  return release.state === "not-running" ? "unknown" : release.state;
}

function rolloutOf({ release }: Workload): FluxService["Rollout"] {
  const { desired, updated, available, state, reason, message } = release;
  const trouble = [reason, message].filter((text) => text !== null).join(": ");
  return {
    Desired: desired,
    Updated: updated,
    Ready: available,
    Available: available,
    Outdated: Math.max(0, desired - updated),
    Messages: state === "error" ? [trouble === "" ? release.text : trouble] : null,
  };
}

/** The repository as the cluster spells it, with another tag. */
export function withTag(image: string, tag: string): string {
  const bare = image.split("@", 1)[0] ?? image;
  return `${bare.replace(/:[^:/]*$/, "")}:${tag}`;
}
