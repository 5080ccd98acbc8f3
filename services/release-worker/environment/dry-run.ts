import { SlipwayError } from "#common/domain/errors.ts";
import { documentAt } from "#common/domain/manifest.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { WorkerDeps } from "../deps.ts";
import type { JobPlan } from "../planning/plan-job.ts";
import type { TipView } from "../planning/tip-view.ts";
import { conflictsOf, mayTakeFrom, refusalOf } from "./apply-answers.ts";
import { pathOf, readLive, sendApply } from "./apply-document.ts";
import { isCommittedDocument, type CommittedDocument } from "./live-object.ts";

/** Documents asked of the API server at once. */
const concurrency = 8;

/**
 * Asks the API server what it would say to each edited document, before anything is pushed: an
 * admission refusal leaves no commit. Only in `apply` mode; throws the first refusal by plan order.
 */
export async function dryRunTargets(
  deps: Pick<WorkerDeps, "kubeOf">,
  { view, plan }: { view: TipView; plan: JobPlan },
): Promise<void> {
  if (view.environment.mode !== "apply" || plan.targets.length === 0) return;
  const kube = await deps.kubeOf(view.environment);
  const documents = await Promise.all(plan.targets.map((target) => readDocument(view, target)));
  for (let index = 0; index < documents.length; index += concurrency) {
    const chunk = documents.slice(index, index + concurrency);
    const faults = await Promise.all(chunk.map((document) => dryRunOne({ kube, view, document })));
    const fault = faults.find((found) => found !== undefined);
    if (fault !== undefined) throw fault;
  }
}

/** The object a target's file declares at this view, with its namespace filled in. */
export async function readDocument(
  view: TipView,
  target: { readonly workload: string; readonly path: string },
): Promise<CommittedDocument> {
  const parsed = parseWorkloadId(target.workload);
  const id = { namespace: parsed.namespace, kind: parsed.kind ?? "", name: parsed.name };
  const text = await view.readText(target.path);
  const document = documentAt(text, id, { defaultNamespace: view.environment.defaultNamespace });
  if (isCommittedDocument(document)) return document;
  throw new SlipwayError("MANIFEST_BROKEN", {
    detail: `${target.path} no longer declares ${target.workload}`,
  });
}

async function dryRunOne(ask: {
  kube: Awaited<ReturnType<WorkerDeps["kubeOf"]>>;
  view: TipView;
  document: CommittedDocument;
}): Promise<SlipwayError | undefined> {
  const { kube, view, document } = ask;
  const { environment } = view;
  const path = await pathOf({ kube, document, environment });
  const live = await readLive(kube, path);
  // A release never creates; what is declared and does not run is told when it is applied.
  if (live === undefined) return undefined;
  const by = { environment: environment.name, commit: view.commit, job: "dry-run" };
  const send = (force: boolean) =>
    sendApply({ kube, document, environment, by }, { path, live }, { force, dryRun: true });
  const answer = await send(environment.conflicts === "force");
  if (answer.status === 200) return undefined;
  const conflicts = conflictsOf(answer);
  if (conflicts.length === 0) return answer.status === 409 ? undefined : refusalOf(answer, path);
  const foreign = conflicts.filter((conflict) => !mayTakeFrom(conflict));
  if (foreign.length > 0) {
    const named = foreign.map((conflict) => `${conflict.manager} owns ${conflict.field}`).join("; ");
    const hint = 'set the environment\'s "conflicts: force" to take such fields over';
    return new SlipwayError("APPLY_CONFLICT", { detail: named, hint });
  }
  const forced = await send(true);
  return forced.status === 200 || forced.status === 409 ? undefined : refusalOf(forced, path);
}
