import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { coversWorkload } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { isNamespaceSeen } from "#common/domain/namespace-rules.ts";
import { shortName } from "#common/domain/plan.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import type { AskedWorkload, WorkloadId, WorkloadKind } from "#common/domain/workload.ts";
import { declaredWorkloads, environmentTip } from "#common/store/manifests.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseUnseen } from "../environments.ts";
import { nearNames } from "../read-model/near-names.ts";
import { readCluster } from "../views.ts";

export type ChooseDeps = Pick<ApiDeps, "store" | "cluster" | "log"> & {
  /** What whoever asks may see: the rest is not there, and no answer tells of it. */
  readonly sees: Reach;
};

/** One workload as it was written, read. */
interface Asked {
  readonly text: string;
  readonly id: AskedWorkload;
  /** Written without a namespace: looked for in all of them. */
  readonly bare: boolean;
}

/**
 * Full ids for what was asked, where git declares it. Throws WORKLOAD_ID_INVALID, WORKLOAD_AMBIGUOUS,
 * NAMESPACE_NOT_ALLOWED, WORKLOAD_NOT_DECLARED or WORKLOAD_NOT_FOUND; what cannot be told now is left to the planner.
 */
export async function chooseWorkloads(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  texts: readonly string[],
): Promise<string[]> {
  const asked = texts.map((text) => readAsked(text, environment));
  for (const { bare, id } of asked) if (!bare) refuseUnseen(environment, id.namespace);
  const declared = seenAlone(environment, await findDeclared(deps, environment, asked), asked);
  const chosen: string[] = [];
  for (const one of asked) {
    const id = declaredId(one, declared);
    if (id === undefined) await refuseUnknown(deps, environment, { one, alone: texts.length === 1 });
    chosen.push(id ?? askedText(one.id));
  }
  return [...new Set(chosen)];
}

/** Excluded ones are only read: that they exist is not needed. */
export function readExcluded(environment: EnvironmentSettings, texts: readonly string[]): string[] {
  return texts.map((text) => askedText(readAsked(text, environment).id));
}

function readAsked(text: string, { defaultNamespace }: EnvironmentSettings): Asked {
  return { text, id: parseWorkloadId(text, { defaultNamespace }), bare: !/[:/]/.test(text) };
}

const kinds: readonly WorkloadKind[] = [
  "deployment",
  "statefulset",
  "daemonset",
  "cronjob",
  "job",
  "replicaset",
  "pod",
  "replicationcontroller",
];

/** By key where a namespace is written, so that the accept path does not read the whole environment. */
async function findDeclared(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  asked: readonly Asked[],
): Promise<readonly WorkloadId[]> {
  const filter = asked.some((one) => one.bare)
    ? {}
    : { workloads: asked.flatMap(({ id }) => possibleIds(id)) };
  const rows = await declaredWorkloads(deps.store.db, environment.name, filter);
  return rows.filter((row) => isSeen(deps, environment, row.workload)).map((row) => fullId(row.workload));
}

/** A bare name means a workload of the environment's namespaces; one that is only elsewhere is refused as such. */
function seenAlone(
  environment: EnvironmentSettings,
  declared: readonly WorkloadId[],
  asked: readonly Asked[],
): readonly WorkloadId[] {
  const seen = declared.filter(({ namespace }) => isNamespaceSeen(environment.namespaces, namespace));
  for (const { bare, id } of asked) {
    if (!bare || seen.some(({ name }) => name === id.name)) continue;
    const elsewhere = declared.find(({ name }) => name === id.name);
    if (elsewhere !== undefined) refuseUnseen(environment, elsewhere.namespace);
  }
  return seen;
}

function possibleIds({ namespace, kind, name }: AskedWorkload): string[] {
  const some = kind === undefined ? kinds : [kind];
  return some.map((one) => formatWorkloadId({ namespace, kind: one, name }));
}

function declaredId(one: Asked, declared: readonly WorkloadId[]): string | undefined {
  const fits = one.bare
    ? declared.filter((id) => id.name === one.id.name)
    : declared.filter((id) => matchesWorkload(id, one.id));
  const [first, ...others] = new Set(fits.map(formatWorkloadId));
  if (others.length === 0) return first;
  const candidates = [first, ...others].slice(0, 20);
  throw new SlipwayError("WORKLOAD_AMBIGUOUS", {
    detail: `"${one.text}" may be ${candidates.join(" or ")}`,
    facts: { candidates },
  });
}

/** An older view says nothing about what does not run. */
const freshMs = 10_000n;

/** Only both views together can tell that something is not there. */
async function refuseUnknown(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  { one, alone }: { one: Asked; alone: boolean },
): Promise<void> {
  const tip = await environmentTip(deps.store.db, environment.name);
  const namespace = one.bare ? "" : one.id.namespace;
  const cluster = await readCluster(deps, { environment: environment.name, namespace });
  if (tip === undefined || cluster.workloads === undefined || cluster.view === undefined) return;
  const runs = cluster.workloads.some(
    (id) =>
      (one.bare ? id.name === one.id.name : matchesWorkload(id, one.id)) &&
      isSeen(deps, environment, formatWorkloadId(id)),
  );
  // Of several, one that is in no manifest is left alone with that reason; the others go on.
  if (runs && alone) throw notDeclared(one.text);
  const fresh = cluster.view.complete && cluster.view.ageMs <= freshMs;
  if (runs || !fresh) return;
  const rows = await declaredWorkloads(deps.store.db, environment.name);
  throw notFound(
    one.text,
    rows.filter((row) => isSeen(deps, environment, row.workload)).map((row) => shortName(row.workload)),
  );
}

function isSeen({ sees }: ChooseDeps, { name }: EnvironmentSettings, workload: string): boolean {
  return coversWorkload(sees, { environment: name, workload });
}

function notDeclared(text: string): SlipwayError {
  return new SlipwayError("WORKLOAD_NOT_DECLARED", {
    detail: `${text} runs in the cluster, but no manifest under the environment's paths declares it`,
    hint: "commit its manifest to the config repository, or widen the environment's git.paths",
  });
}

function notFound(text: string, declared: readonly string[]): SlipwayError {
  const candidates = nearNames(text, declared);
  const hint =
    candidates.length > 0
      ? `did you mean ${candidates.join(" or ")}?`
      : "slipway list-services -a shows what there is";
  return new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `"${text}" is neither declared in git nor running`,
    hint,
    ...(candidates.length > 0 && { facts: { candidates } }),
  });
}

function askedText({ namespace, kind, name }: AskedWorkload): string {
  return kind === undefined ? `${namespace}/${name}` : formatWorkloadId({ namespace, kind, name });
}

function fullId(text: string): WorkloadId {
  const { namespace, kind = "", name } = parseWorkloadId(text);
  return { namespace, kind, name };
}
