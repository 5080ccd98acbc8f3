import { sameImage } from "#common/domain/image-ref.ts";
import { describeOwner, isForeign, type OwnerName } from "#common/domain/owner.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";
import type { HandedOff, JobRow, RolloutTarget } from "#common/store/schema.ts";
import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import type { EnvironmentContext } from "./environment-context.ts";
import { ownerFromWire } from "./hand-off-desk.ts";
import { notApplied, notReady, otherImagesHeld, type NotApplied } from "./hand-off-words.ts";
import { judgeSeen } from "./judge-seen.ts";
import { readLiveWorkload } from "./live-workload.ts";

/** A target that somebody else applies, as it was looked at now. */
export interface HandOffJudged {
  readonly target: RolloutTarget;
  /** Only while there is no verdict. */
  readonly progress: string | undefined;
  /** Who is waited for, while it is not the rollout itself. */
  readonly waitsFor?: string;
}

/**
 * CORRECTNESS 24: good once the owner's applied revision contains our commit, the owner is ready, and
 * the workload, seen after that, runs our images. Not knowing what the owner did is not a failure of it.
 */
export async function judgeHandedOff(
  context: EnvironmentContext,
  job: JobRow,
  handed: RolloutTarget,
): Promise<HandOffJudged> {
  const seen = context.view.get(handed.workload);
  const owner = seen === undefined ? nameOf(handed.handedOff) : ownerFromWire(seen.owner);
  const look: Look = { context, job, seen, owner, target: { ...handed, handedOff: owner } };
  if (!isForeign(owner)) return wait(look, notApplied(owner, undefined, ""), "not-picked-up");
  const answer = await context.handOffs.ask(owner, parseWorkloadId(handed.workload).namespace);
  if (answer.kind === "unknown") return dontKnow(look, answer.why);
  const { told } = answer;
  const ours = job.commit_sha ?? "";
  const applied = await context.handOffs.containing(told.found ? told.appliedRevision : "", ours);
  switch (applied.kind) {
    case "unknown":
      return dontKnow(look, applied.why);
    case "not-contained":
      return wait(look, notApplied(owner, told, ours), "not-picked-up");
    case "contained":
      return judgeApplied(look, { ...told, revision: applied.commit });
    default:
      return unreachable(applied);
  }
}

interface Look {
  readonly context: EnvironmentContext;
  readonly job: JobRow;
  readonly seen: Workload | undefined;
  readonly owner: OwnerName;
  readonly target: RolloutTarget;
}

interface Applied {
  readonly revision: string;
  readonly ready: boolean;
  readonly message: string;
}

/** The owner applied it: what is judged is read after that, so that an older sight of it does not count. */
async function judgeApplied(before: Look, applied: Applied): Promise<HandOffJudged> {
  const { context, job, seen, owner } = before;
  const target = await pickUp(before);
  const look = { ...before, target: target ?? before.target };
  if (target === undefined) {
    const why = `${describeOwner(owner)} applied ${applied.revision.slice(0, 7)}, and it is not in the cluster`;
    return wait(look, { progress: why, waitsFor: why, why }, "not-picked-up");
  }
  if (seen?.uid !== target.uid) return { target, progress: "waiting to be seen" };
  const verdict = judgeSeen(context, job, { target, seen });
  switch (verdict.kind) {
    case "pending":
      if (verdict.trouble === undefined) return { target, progress: verdict.progress };
      context.clocks.get(job.id)?.troubles.set(target.workload, verdict.trouble);
      return { target: { ...target, trouble: verdict.trouble }, progress: verdict.progress };
    case "bad":
      return { target: { ...target, verdict: "bad", reason: verdict.reason }, progress: undefined };
    case "superseded":
      return judgeOtherImages(look, applied, seen);
    case "good": {
      if (!applied.ready) return wait(look, notReady(owner, applied), "owner-not-ready");
      const by = `applied by ${describeOwner(owner)} at ${applied.revision.slice(0, 7)}`;
      const reason = verdict.note === undefined ? by : `${by}; ${verdict.note}`;
      return { target: { ...target, verdict: "good", reason }, progress: undefined };
    }
    default:
      return unreachable(verdict);
  }
}

/** As an apply of ours records its answer: the object as it is after the owner's apply. */
async function pickUp({ context, target, seen }: Look): Promise<RolloutTarget | undefined> {
  if (target.uid !== null && seen?.uid === target.uid) return target;
  const live = await readLiveWorkload(context, target.workload);
  if (live === undefined) return undefined;
  const { uid, generation = 0 } = live.metadata;
  if (uid === target.uid) return target;
  // An owner may make it anew; the time for the rollout begins with the first that it applied.
  return { ...target, uid, generation, spentMs: target.uid === null ? 0 : target.spentMs };
}

/** Newer commits may declare other images (rule 22); where they do not, somebody overrides what git says. */
async function judgeOtherImages(look: Look, applied: Applied, seen: Workload): Promise<HandOffJudged> {
  const { context, target, owner } = look;
  const { deps, environment } = context;
  const view = await deps.tipsOf(environment).read(applied.revision, environment);
  const declared = view.declared().find(({ id }) => formatWorkloadId(id) === target.workload);
  const holdsOurs = Object.entries(target.images).every(([name, image]) => {
    const found = declared?.containers.find((container) => container.name === name);
    return found !== undefined && sameImage(found.image, image);
  });
  if (!holdsOurs) {
    const reason = `superseded: ${applied.revision.slice(0, 7)} declares other images`;
    return { target: { ...target, verdict: "superseded", reason }, progress: undefined };
  }
  if (!applied.ready) return wait(look, notReady(owner, applied), "owner-not-ready");
  const images = seen.containers.map(({ image }) => image);
  return wait(look, otherImagesHeld(owner, { ...applied, images }), "not-picked-up");
}

/** Pending until the deadline; then bad, and for what kept it, not for the workload itself. */
function wait(
  look: Look,
  { progress, waitsFor, why }: NotApplied,
  inVain: NonNullable<HandedOff["inVain"]>,
): HandOffJudged {
  const { target, owner } = look;
  if (target.spentMs < deadlineOf(look)) return { target, progress, waitsFor };
  const reason = inVain === "not-picked-up" ? `not-picked-up: ${why}` : why;
  return {
    target: { ...target, verdict: "bad", reason, handedOff: { ...owner, inVain } },
    progress: undefined,
  };
}

function dontKnow({ target, owner }: Look, why: string): HandOffJudged {
  const progress = `${describeOwner(owner)} cannot be seen: ${why}`;
  return { target, progress, waitsFor: progress };
}

function deadlineOf({ context, target }: Look): number {
  return target.deadlineMs ?? context.environment.rolloutDeadline;
}

function nameOf(handed: HandedOff | undefined): OwnerName {
  const { kind = "none", objectKind = "", namespace = "", name = "" } = handed ?? {};
  return { kind, objectKind, namespace, name };
}
