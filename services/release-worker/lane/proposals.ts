import { compareUrl } from "#common/domain/compare-url.ts";
import { environmentSubject } from "#common/contracts/queue.ts";
import { annotationIn } from "#common/domain/manifest-policies.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { lockEnded } from "#common/store/ended-jobs.ts";
import * as intents from "#common/store/intents.ts";
import type { OpenIntent } from "#common/store/intents.ts";
import * as jobs from "#common/store/jobs.ts";
import * as lanes from "#common/store/lanes.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { toErrorRow } from "../error-row.ts";
import { isReachable } from "../knows-commit.ts";
import { annotationOf, isPolicyChange } from "../planning/policy-words.ts";
import { manifestOptions } from "../planning/tip-files.ts";
import type { TipView } from "../planning/tip-view.ts";
import { changedResults, regradeText, rolloutTargets } from "./adopt.ts";
import { tellNotLanded } from "./ended-jobs.ts";
import { environmentNamed, type LaneContext } from "./lane-context.ts";

/**
 * Branches that only a merge may move: the job's commit goes to a branch of its own, and the job
 * waits until the lane's branch holds its images. How they come there (merge, squash, rebase) does
 * not matter: squashing loses every trailer.
 */
export function proposalOf(jobId: string): string {
  return `slipway/${jobId}`;
}

/** The proposal is at the host: its job waits for people. */
export async function recordProposal(
  context: LaneContext,
  intent: OpenIntent,
  laneValue: string | null,
): Promise<void> {
  const { deps, lane, lease } = context;
  const proposal = intent.proposal ?? "";
  await deps.store.fenced(lease, async (tx) => {
    await intents.resolveIntent(tx, { id: intent.id, state: "landed" });
    await lanes.setLaneValue(tx, { laneId: lane.id, value: laneValue });
    const ended = await lockEnded(
      tx,
      intent.commits.map((commit) => commit.jobId),
    );
    for (const { jobId, commit, plan } of intent.commits) {
      if (ended.has(jobId)) {
        await tellNotLanded(tx, jobId, `Its proposal ${proposal} is at the host: close it, or merge it.`);
        continue;
      }
      const job = await jobs.mustGetJob(tx, jobId);
      const page = pageOf(context, job, proposal);
      await steps.endOpenSteps(tx, jobId, { outcome: "ok" });
      await steps.appendSteps(tx, jobId, [
        { text: `Pushed commit: ${job.headline}`, detail: `${commit.slice(0, 7)} on ${proposal}` },
        {
          text: `Waiting for the merge of ${proposal} into ${lane.branch}.`,
          open: true,
          ...(page === undefined ? {} : { detail: page }),
        },
      ]);
      const waiting_for = `the merge of ${proposal} into ${lane.branch}${page === undefined ? "" : `: ${page}`}`;
      const { results, changes, targets } = plan;
      const patch = { gate: "merge", waiting_for, commit_sha: commit, results, changes, targets };
      await jobs.moveJob(tx, { id: jobId, event: "adopted-proposal", patch });
    }
  });
  deps.fault("after-record");
  for (const { jobId } of intent.commits) deps.store.hint(jobId);
}

/** Looks at every proposal of the lane: merged, still open, or closed. */
export async function watchProposals(context: LaneContext, tip: string): Promise<void> {
  const { deps, lane, git } = context;
  const waiting = await jobs.jobsWaitingForMerge(deps.store.db, lane.id);
  if (waiting.length === 0) return;
  const open: JobRow[] = [];
  for (const job of waiting) {
    const environment = environmentNamed(context, job.environment);
    if (environment === undefined) continue;
    const view = await context.tips.read(tip, environment);
    if (holdsImages(view, job) && (await holdsPolicies(view, job))) await recordMerge(context, job, tip);
    else open.push(job);
  }
  const refs = open.map((job) => `refs/heads/${proposalOf(job.id)}`);
  const seen = refs.length === 0 ? new Map<string, string>() : await git.lsRemote(refs);
  for (const job of open) {
    const why = await closedHow(context, job, seen.get(`refs/heads/${proposalOf(job.id)}`));
    if (why !== undefined) await recordClosed(context, job, why);
  }
}

/** True when every container the job wanted to change has its image in the branch's manifests. */
function holdsImages(view: TipView, job: JobRow): boolean {
  const declared = new Map(view.declared().map((fact) => [formatWorkloadId(fact.id), fact]));
  return job.targets.every((target) =>
    Object.entries(target.images).every(([name, image]) => {
      const container = declared.get(target.workload)?.containers.find((one) => one.name === name);
      return container?.image === image;
    }),
  );
}

/** True when every annotation the job wrote stands there as it wrote it. */
async function holdsPolicies(view: TipView, job: JobRow): Promise<boolean> {
  for (const change of job.changes.filter(isPolicyChange)) {
    if (!view.files.has(change.path)) return false;
    const options = manifestOptions(view.environment, change.path);
    const workload = change.declaredAs ?? change.workload;
    const there = annotationIn(await view.readText(change.path), workload, {
      ...options,
      annotation: annotationOf(change),
    });
    if (there !== change.annotation.to) return false;
  }
  return true;
}

/** People may add to a proposal; one that no longer contains our commit was replaced. */
async function closedHow(
  context: LaneContext,
  job: JobRow,
  now: string | undefined,
): Promise<string | undefined> {
  const proposal = proposalOf(job.id);
  if (now === undefined) return `${proposal} was deleted and ${context.lane.branch} does not hold its images`;
  if (now === job.commit_sha) return undefined;
  await context.git.bringCommit(now);
  const kept = await isReachable(context.git, job.commit_sha ?? "", now);
  return kept ? undefined : `${proposal} was replaced by other commits`;
}

async function recordMerge(context: LaneContext, job: JobRow, tip: string): Promise<void> {
  const { deps, lane, lease } = context;
  const targets = rolloutTargets(context, job.environment, job.targets);
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "ok", detail: `${lane.branch} holds the images` });
    const regrade = { text: regradeText(targets), open: true };
    await steps.appendSteps(tx, job.id, targets.length === 0 ? [] : [regrade]);
    const patch = { commit_sha: tip, results: changedResults(job.results), targets };
    await jobs.moveJob(tx, {
      id: job.id,
      event: targets.length === 0 ? "merged-committed" : "merged",
      patch,
    });
  });
  deps.store.hint(job.id);
  await deps.ring(environmentSubject(job.environment));
}

async function recordClosed(context: LaneContext, job: JobRow, why: string): Promise<void> {
  const { deps, lease } = context;
  await deps.store.fenced(lease, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail: why });
    const patch = { error: toErrorRow("PROPOSAL_NOT_MERGED", why) };
    await jobs.moveJob(tx, { id: job.id, event: "not-merged", patch });
  });
  deps.store.hint(job.id);
}

function pageOf(context: LaneContext, job: JobRow, proposal: string): string | undefined {
  const git = environmentNamed(context, job.environment)?.git;
  if (git === undefined) return undefined;
  return compareUrl({ url: git.url, branch: context.lane.branch, proposal, template: git.compareUrl });
}
