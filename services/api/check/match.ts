import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import { shortName } from "#common/domain/plan.ts";
import { kindLayout, parseWorkloadId } from "#common/domain/workload.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import { OwnerKind } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Owner, Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";

type Match = NonNullable<EnvironmentCheck["match"]>;

export interface MatchFacts {
  readonly environment: Pick<EnvironmentSettings, "namespaces" | "git" | "manifests">;
  /** Everything that runs, by id: the view is whole. */
  readonly running: ReadonlyMap<string, Running>;
  readonly declared: ReadonlyMap<string, readonly DeclaredRow[]>;
  /** Every namespace there is; undefined when they may not be listed. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Workload → file outside the environment's paths that declares it. */
  readonly outside: ReadonlyMap<string, string>;
  /** Files of the paths that cannot be read. */
  readonly broken: number;
}

/** What runs beside what is declared, and for everything that has no partner the reason, as far as it can be told. */
export function matchWorkloads(facts: MatchFacts): Match {
  const { running, declared } = facts;
  const names = { running: byShortName(running.keys()), declared: byShortName(declared.keys()) };
  const notInGit = missingIn(running, declared);
  const notLive = missingIn(declared, running);
  return {
    live: running.size,
    declared: declared.size,
    matched: running.size - notInGit.length,
    notInGit: notInGit.map((workload) => ({ workload, reason: whyNotInGit(facts, names, workload) })),
    notLive: notLive.map((workload) => ({ workload, reason: whyNotLive(facts, names, workload) })),
  };
}

/** Ids of the one that the other does not have, in order. */
export function missingIn(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  return [...one.keys()].filter((id) => !other.has(id)).sort();
}

interface Names {
  readonly running: ReadonlyMap<string, readonly string[]>;
  readonly declared: ReadonlyMap<string, readonly string[]>;
}

/** By the bare name, which is what people change least. */
function byShortName(ids: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(ids, (id) => parseWorkloadId(id).name);
}

function whyNotInGit(facts: MatchFacts, names: Names, id: string): string {
  const { environment, outside, broken } = facts;
  const elsewhere = outside.get(id);
  if (elsewhere !== undefined) return `declared in ${elsewhere}, which is outside git.paths`;
  const owner = ownerText(facts.running.get(id)?.owner);
  if (owner !== undefined) return `applied by ${owner}, and no file in git.paths declares it`;
  const alike = twin(names.declared, id);
  if (alike !== undefined) return `git declares ${alike}: another ${difference(id, alike)}`;
  const unread = broken === 0 ? "" : `; ${broken} file(s) cannot be read`;
  return `no file in ${environment.git.paths.join(", ")} declares it${unread}`;
}

function whyNotLive(facts: MatchFacts, names: Names, id: string): string {
  const { environment, namespaces } = facts;
  const { namespace, kind = "" } = parseWorkloadId(id);
  const rows = facts.declared.get(id) ?? [];
  if (!isNamespaceSeen(environment.namespaces, namespace)) {
    return `namespace ${namespace} is none of the environment's (namespaces in the settings)`;
  }
  if (namespaces?.has(namespace) === false) return `namespace ${namespace} does not exist`;
  if (!isWatched(environment, kind)) return `${kind} is no kind that is watched`;
  if (rows.some((row) => row.fault !== null)) return `its file no longer parses: ${rows[0]?.path ?? ""}`;
  const alike = twin(names.running, id);
  if (alike !== undefined) return `the cluster runs ${alike}: another ${difference(id, alike)}`;
  if (kind === "job" || kind === "pod") return `a ${kind} that is over, or was never applied`;
  return "never applied, or deleted since";
}

const ownerNames: Partial<Record<OwnerKind, string>> = {
  [OwnerKind.OWNER_KIND_FLUX]: "Flux",
  [OwnerKind.OWNER_KIND_ARGO_CD]: "Argo CD",
  [OwnerKind.OWNER_KIND_HELM]: "Helm release",
  [OwnerKind.OWNER_KIND_SLIPWAY]: "Slipway, environment",
};

function ownerText(owner: Owner | undefined): string | undefined {
  const name = owner && ownerNames[owner.kind];
  if (owner === undefined || name === undefined) return undefined;
  const object = owner.objectKind === "" ? "" : ` ${owner.objectKind}`;
  const full = owner.namespace === "" ? owner.name : `${owner.namespace}/${owner.name}`;
  return `${name}${object} ${full}`.trimEnd();
}

function twin(known: ReadonlyMap<string, readonly string[]>, id: string): string | undefined {
  const alike = known.get(parseWorkloadId(id).name) ?? [];
  // The same place with another kind is nearer than the same kind elsewhere.
  return alike.find((other) => shortName(other) === shortName(id)) ?? alike.find((other) => other !== id);
}

function difference(id: string, other: string): string {
  return shortName(id) === shortName(other) ? "kind" : "namespace";
}

/** Flux's HelmReleases are watched; a chart's values alone are no object. */
function isWatched({ manifests }: MatchFacts["environment"], kind: string): boolean {
  if (kindLayout(kind) !== undefined || kind === "helmrelease") return true;
  return (manifests?.customKinds ?? []).some((custom) => custom.kind.toLowerCase() === kind);
}
