import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { coversWorkload } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import type { AskedWorkload } from "#common/domain/workload.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseUnseen } from "../environments.ts";
import { nearNames } from "../read-model/near-names.ts";
import { readCluster } from "../views.ts";
import type { ChooseDeps } from "./choose-workloads.ts";

/** What makes its pods anew when its template changes. */
const restartable = ["deployment", "statefulset", "daemonset"];

/**
 * Full ids of the running workloads that were asked for. A name in full is taken at its word while the
 * cluster's view is not to be had; any other is UNAVAILABLE then. Throws WORKLOAD_ID_INVALID,
 * WORKLOAD_AMBIGUOUS, NAMESPACE_NOT_ALLOWED, WORKLOAD_NOT_FOUND and WORKLOAD_NOT_RESTARTABLE.
 */
export async function chooseRunning(
  deps: Pick<ApiDeps, "cluster" | "log"> & Pick<ChooseDeps, "sees">,
  environment: EnvironmentSettings,
  texts: readonly string[],
): Promise<string[]> {
  const { defaultNamespace, name } = environment;
  const asked = texts.map((text) => ({
    text,
    id: parseWorkloadId(text, { defaultNamespace }),
    bare: !/[:/]/.test(text),
  }));
  for (const { bare, id } of asked) if (!bare) refuseUnseen(environment, id.namespace);
  const { workloads: all = [], view } = await readCluster(deps, { environment: name, namespace: "" });
  const workloads = all.filter((one) =>
    coversWorkload(deps.sees, { environment: name, workload: formatWorkloadId(one) }),
  );
  const isSure = view !== undefined && view.complete && view.ageMs <= freshMs;
  return [...new Set(asked.map((one) => runningId(one, { running: workloads, isSure })))];
}

/** An older view says nothing about what does not run. */
const freshMs = 10_000n;

interface Asked {
  readonly text: string;
  readonly id: AskedWorkload;
  /** Written without a namespace: looked for in all of them. */
  readonly bare: boolean;
}

interface Seen {
  readonly running: readonly { readonly namespace: string; readonly kind: string; readonly name: string }[];
  /** What is not in it does not run. */
  readonly isSure: boolean;
}

function runningId({ text, id, bare }: Asked, { running, isSure }: Seen): string {
  const { namespace, kind, name } = id;
  if (kind !== undefined) refuseKind(text, kind);
  const fits = running.filter((one) => (bare ? one.name === name : matchesWorkload(one, id)));
  const kinds = fits.filter((one) => restartable.includes(one.kind));
  const [first, ...others] = new Set(kinds.map(formatWorkloadId));
  if (first === undefined && fits[0] !== undefined) refuseKind(text, fits[0].kind);
  if (first === undefined && !isSure && kind !== undefined)
    return formatWorkloadId({ namespace, kind, name });
  if (first === undefined) throw isSure ? notFound(text, running) : notSeen(text, id);
  if (others.length === 0) return first;
  const candidates = [first, ...others].slice(0, 20);
  throw new SlipwayError("WORKLOAD_AMBIGUOUS", {
    detail: `"${text}" may be ${candidates.join(" or ")}`,
    facts: { candidates },
  });
}

function refuseKind(text: string, kind: string): void {
  if (restartable.includes(kind)) return;
  throw new SlipwayError("WORKLOAD_NOT_RESTARTABLE", { detail: `${text} is a ${kind}` });
}

function notSeen(text: string, { namespace, name }: AskedWorkload): SlipwayError {
  return new SlipwayError("UNAVAILABLE", {
    detail: `what "${text}" is cannot be told: the view of the cluster is not fresh`,
    hint: `write the name in full, e.g. ${namespace}:deployment/${name}`,
  });
}

function notFound(text: string, running: Seen["running"]): SlipwayError {
  const candidates = nearNames(
    text,
    running.map((one) => shortName(formatWorkloadId(one))),
  );
  return new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `"${text}" does not run`,
    ...(candidates.length > 0 && { hint: `did you mean ${candidates.join(" or ")}?`, facts: { candidates } }),
  });
}
