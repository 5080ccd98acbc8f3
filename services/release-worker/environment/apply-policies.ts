import { SlipwayError } from "#common/domain/errors.ts";
import { describeOwner, isForeign, ownerOfMeta } from "#common/domain/owner.ts";
import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import type { TipView } from "../planning/tip-view.ts";
import { refusalOf } from "./apply-answers.ts";
import { claimedByOther, pathOf, readLive, sendApply, withReplicas } from "./apply-document.ts";
import { createDescent, type Descent } from "./descent.ts";
import { hurried, readDocument, type Asked } from "./dry-run.ts";
import { endJob } from "./end-job.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { appliedBy } from "./live-object.ts";
import { differences } from "./same-object.ts";
import { endVanished, isOnBranch } from "./vanished.ts";

/** Whether a job brings nothing but annotations to the cluster: there is no rollout to judge. */
export function bringsPolicies(job: Pick<JobRow, "targets">): boolean {
  return job.targets.length > 0 && job.targets.every((target) => target.policiesOnly === true);
}

/**
 * Brings the annotations that a job committed to the live objects, where the document differs from
 * them in nothing else: a lock must not roll out what somebody else left unapplied. Policies count by
 * git, so whatever stops this here stops no job; the next release carries the annotations with it.
 */
export async function applyPolicies(context: EnvironmentContext, job: JobRow): Promise<void> {
  if (!(await isOnBranch(context, job))) return endVanished(context, job);
  const { deps, environment, lease } = context;
  const commit = job.commit_sha ?? "";
  const view = await deps.tipsOf(environment).read(commit, environment);
  const bringing: Bringing = { context, job, view, descent: createDescent(context, commit) };
  const targets: RolloutTarget[] = [];
  let away: string | undefined;
  for (const target of job.targets) {
    const brought = away === undefined ? await bring(bringing, target) : { why: away, away: true };
    if (brought.away) away = brought.why;
    const reason = brought.why === "" ? null : `in git; not in the cluster yet: ${brought.why}`;
    targets.push({ ...target, applied: true, verdict: "good", reason });
  }
  await deps.store.fenced(lease, (tx) => endJob(tx, context, { ...job, targets }));
  deps.store.hint(job.id);
}

interface Bringing {
  readonly context: EnvironmentContext;
  readonly job: JobRow;
  readonly view: TipView;
  readonly descent: Descent;
}

/** Why an object was left as it is, empty where it was not; away: the others need not be tried. */
interface Brought {
  readonly why: string;
  readonly away: boolean;
}

async function bring(bringing: Bringing, target: RolloutTarget): Promise<Brought> {
  const { deps, environment } = bringing.context;
  try {
    const kube = hurried(await deps.kubeOf(environment));
    return { why: await bringOne(bringing, kube, target), away: false };
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code === "LEASE_LOST") throw error;
    deps.log.info("annotations were not brought to the cluster", { error, job: bringing.job.id });
    return { why: error.message, away: error.kind === "unavailable" };
  }
}

async function bringOne(
  { context, job, view, descent }: Bringing,
  kube: Asked,
  target: RolloutTarget,
): Promise<string> {
  const { environment } = context;
  const document = await readDocument(view, target);
  const path = await pathOf({ kube, document, environment });
  const live = await readLive(kube, path);
  if (live === undefined) return "it does not run";
  const owner = ownerOfMeta(live.metadata);
  if (isForeign(owner)) return `${describeOwner(owner)} applies it`;
  const claimed = claimedByOther(live, environment.name);
  if (claimed !== undefined) return claimed.message;
  const there = appliedBy(live);
  const found = differences(withReplicas(document, live.spec?.replicas), live);
  if (there === undefined || found === undefined) return "Slipway never applied it";
  if (found.length === 0) return "";
  const others = found.filter((one) => one !== "annotations" && !one.startsWith("annotations."));
  if (others.length > 0) return `git differs from it in ${others.slice(0, 3).join(", ")} too`;
  const commit = job.commit_sha ?? "";
  if (there.commit !== commit && (await descent.isAncestor(commit, there.commit))) return "";
  const by = { environment: environment.name, commit, job: job.id };
  const answer = await sendApply({ kube, document, environment, by }, { path, live }, { force: false });
  return answer.status === 200 ? "" : refusalOf(answer, path).message;
}
