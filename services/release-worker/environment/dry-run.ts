import { SlipwayError } from "#common/domain/errors.ts";
import { isForeign, ownerOfMeta } from "#common/domain/owner.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import type { WorkerDeps } from "../deps.ts";
import type { JobPlan } from "../planning/job-plan.ts";
import type { TipView } from "../planning/tip-view.ts";
import {
  conflictsOf,
  foreignConflict,
  isAboutChange,
  mayTakeFrom,
  messageOf,
  refusalOf,
  type Answer,
  type ChangedField,
} from "./apply-answers.ts";
import { claimedByOther, pathOf, readLive, sendApply } from "./apply-document.ts";
import { isCommittedDocument, type CommittedDocument } from "./live-object.ts";

/** Documents asked of the API server at once. */
const concurrency = 8;
/** An API server that takes longer is away: the job is queued again. */
const answerMs = 5_000;
/** Refusals named in one error; the rest is counted. */
const maxNamed = 10;

/**
 * Asks the API server what it would say to each edited document, before anything is pushed: an
 * admission refusal leaves no commit. Only in `apply` mode; throws one error that names each refusal.
 */
export async function dryRunTargets(
  deps: Pick<WorkerDeps, "kubeOf">,
  { view, plan }: { view: TipView; plan: JobPlan },
): Promise<void> {
  const targets = plan.targets.filter((target) => target.policiesOnly !== true);
  if (view.environment.mode !== "apply" || targets.length === 0) return;
  const kube = hurried(await deps.kubeOf(view.environment));
  const documents = await Promise.all(targets.map((target) => readDocument(view, target)));
  const faults: Fault[] = [];
  for (let index = 0; index < documents.length; index += concurrency) {
    const chunk = documents.slice(index, index + concurrency);
    const found = await Promise.all(
      chunk.map((document, place) => {
        const workload = targets[index + place]?.workload;
        const changes = plan.changes.filter((change) => change.workload === workload);
        return dryRunOne({ kube, view, document, changes });
      }),
    );
    faults.push(
      ...found.flatMap((error, place) => {
        const { workload } = targets[index + place] ?? {};
        return error === undefined || workload === undefined ? [] : [{ workload, error }];
      }),
    );
  }
  if (faults.length > 0) throw together(faults);
}

/** What asking the API server about an object needs. */
export type Asked = Pick<KubeApi, "request" | "objectPath">;

/** The same, but an answer that takes longer than five seconds does not come. */
export function hurried(kube: Asked): Asked {
  return {
    objectPath: (address) => kube.objectPath(address),
    request: (request) => kube.request({ timeoutMs: answerMs, ...request }),
  };
}

interface Fault {
  readonly workload: string;
  readonly error: SlipwayError;
}

/** The workloads that a dry run refused, each with the reason; empty where the error is no refusal of single ones. */
export function refusedWorkloads({ facts }: SlipwayError): ReadonlyMap<string, string> {
  const refused = facts?.["refused"];
  if (typeof refused !== "object" || refused === null) return new Map();
  return new Map(Object.entries(refused).map(([workload, why]) => [workload, String(why)]));
}

/** The job fails naming each; one code stands for all, that of the first. */
function together(faults: readonly Fault[]): SlipwayError {
  const [first] = faults;
  const facts = {
    refused: Object.fromEntries(
      faults.map(({ workload, error }) => [workload, error.detail ?? error.message]),
    ),
  };
  if (faults.length === 1 && first !== undefined) {
    const { code, detail, hint, cause } = first.error;
    return new SlipwayError(code, { ...(detail && { detail }), ...(hint && { hint }), cause, facts });
  }
  const details = faults.slice(0, maxNamed).map(({ error }) => error.detail ?? error.message);
  const more = faults.length > maxNamed ? [`and ${faults.length - maxNamed} more`] : [];
  const hint = faults.find(({ error }) => error.hint !== undefined)?.error.hint;
  return new SlipwayError(first?.error.code ?? "APPLY_REFUSED", {
    detail: [...details, ...more].join("; "),
    ...(hint === undefined ? {} : { hint }),
    facts,
  });
}

/** The object a target's file declares at this view, with its namespace filled in. */
export async function readDocument(
  view: TipView,
  target: { readonly workload: string; readonly path: string },
): Promise<CommittedDocument> {
  const document = await view.documentOf(target);
  if (isCommittedDocument(document)) return document;
  throw new SlipwayError("MANIFEST_BROKEN", {
    detail: `${target.path} no longer declares ${target.workload}`,
  });
}

async function dryRunOne(ask: {
  kube: Asked;
  view: TipView;
  document: CommittedDocument;
  changes: readonly ChangedField[];
}): Promise<SlipwayError | undefined> {
  const { kube, view, document, changes } = ask;
  const { environment } = view;
  const path = await pathOf({ kube, document, environment });
  const live = await readLive(kube, path);
  // A release never creates; what is declared and does not run is told when it is applied.
  if (live === undefined) return undefined;
  // Its owner applies it, in its own way and under its own name.
  if (isForeign(ownerOfMeta(live.metadata))) return undefined;
  const claimed = claimedByOther(live, environment.name);
  if (claimed !== undefined) return claimed;
  const by = { environment: environment.name, commit: view.commit, job: "dry-run" };
  const send = (force: boolean) =>
    sendApply({ kube, document, environment, by }, { path, live }, { force, dryRun: true });
  const answer = await send(environment.conflicts === "force");
  if (answer.status === 200) return undefined;
  const conflicts = conflictsOf(answer);
  if (conflicts.length === 0) return deletedMeanwhile(answer) ? undefined : refusalOf(answer, path);
  const foreign = conflicts.filter((conflict) => !mayTakeFrom(conflict) && !isAboutChange(conflict, changes));
  if (foreign.length > 0) {
    return foreignConflict(path, foreign);
  }
  const forced = await send(true);
  return forced.status === 200 || deletedMeanwhile(forced) ? undefined : refusalOf(forced, path);
}

/** The uid asked for is gone: that a workload was deleted or made anew is told when it is applied. */
function deletedMeanwhile(answer: Answer): boolean {
  return (answer.status === 409 || answer.status === 422) && /uid/i.test(messageOf(answer));
}
