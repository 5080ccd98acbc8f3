import { laneSubject } from "#common/contracts/queue.ts";
import { isErrorCode, SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import { formatImageRef, parseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { claimImageWaits, keepWaitingForImage } from "#common/store/image-hints.ts";
import * as jobs from "#common/store/jobs.ts";
import { withJob } from "#common/kit/current-work.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import type { WorkerDeps } from "../deps.ts";
import { toErrorRow } from "../error-row.ts";
import { endedByCancel } from "./end-cancelled.ts";
import type { LaneContext } from "./lane-context.ts";

/** Jobs whose image is looked for at the same time. */
const looksAtOnce = 20;
/** Longer than the scanner takes for an answer: then another worker may look too. */
const claimMs = 45_000;
const askMs = 30_000;
const shortestPauseMs = 2_000;
const longestPauseMs = 15_000;

/** Jobs that wait for an image which a pipeline still pushes. They hold no lane and need none. */
export interface ImageGate {
  /** Looks for the images that are due; never throws. */
  look(): Promise<void>;
  stop(): void;
}

/** Until when a job waits for its images; undefined where it does not, or the time is up. */
export function waitsUntil(job: Pick<JobRow, "spec" | "created_at">, now: Date): Date | undefined {
  const until = endOfWait(job);
  return until !== undefined && now.getTime() < until.getTime() ? until : undefined;
}

/** Lets a job that was being planned wait for an image; a cancel that came first wins. */
export async function closeImageGate(
  { deps, lease }: LaneContext,
  wait: { readonly job: JobRow; readonly image: string; readonly until: Date },
): Promise<void> {
  const { job, image, until } = wait;
  await deps.store.fenced(lease, async (tx) => {
    if (await endedByCancel(tx, job.id)) return;
    await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
    await steps.appendSteps(tx, job.id, [
      { text: "Clone OK.", outcome: "ok" },
      { text: `Waiting for image ${image}.`, open: true },
    ]);
    const patch = {
      gate: "image",
      gate_until: until,
      waiting_for: waitingFor(image, until),
      dueInMs: shortestPauseMs,
    };
    await jobs.moveJob(tx, { id: job.id, event: "gate-closed", patch });
  });
  deps.store.hint(job.id);
}

type GateDeps = Pick<WorkerDeps, "store" | "registry" | "log" | "ring">;

export function createImageGate(deps: GateDeps): ImageGate {
  const stopping = new AbortController();
  return {
    async look() {
      try {
        const due = await claimImageWaits(deps.store.db, { limit: looksAtOnce, claimMs });
        await Promise.all(due.map((job) => lookFor(deps, job, stopping.signal)));
      } catch (error) {
        deps.log.error("awaited images could not be looked for", { error });
      }
    },
    stop: () => stopping.abort(),
  };
}

function lookFor(deps: GateDeps, job: JobRow, stopping: AbortSignal): Promise<void> {
  return withJob(job, () => lookForJob(deps, job, stopping));
}

async function lookForJob(deps: GateDeps, job: JobRow, stopping: AbortSignal): Promise<void> {
  const missing = await firstMissing(deps, job, stopping);
  if (missing === undefined) return openGate(deps, job);
  const now = await deps.store.now();
  const until = waitsUntil(job, now);
  if (until === undefined) return refuse(deps, job, missing);
  const why = missing.problem === undefined ? "" : ` (${missing.problem.message})`;
  const leftMs = until.getTime() - now.getTime();
  await keepWaitingForImage(deps.store.db, {
    id: job.id,
    waitingFor: `${waitingFor(missing.image, until)}${why}`,
    // Another worker takes over at once from one that stops.
    nextInMs: stopping.aborted ? 0 : Math.min(pauseMs(now.getTime() - job.created_at.getTime()), leftMs),
  });
  deps.store.hint(job.id);
}

interface Missing {
  readonly image: string;
  /** Why it could not be looked for; a registry that only does not have it has no problem. */
  readonly problem: SlipwayError | undefined;
}

async function firstMissing(
  deps: GateDeps,
  job: JobRow,
  stopping: AbortSignal,
): Promise<Missing | undefined> {
  for (const ref of awaited(job)) {
    const image = formatImageRef(ref);
    try {
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(askMs)]);
      const asked = { repository: repositoryKey(ref), tag: ref.tag ?? ref.digest ?? "" };
      const { tagFound, repository } = await deps.registry.refresh(asked, { signal });
      if (tagFound) continue;
      return { image, problem: problemOf(repository?.errorCode ?? "", repository?.errorDetail) };
    } catch (error) {
      deps.log.info("an awaited image could not be looked for", { job: job.id, image, error });
      return { image, problem: toSlipwayError(error) };
    }
  }
  return undefined;
}

/** That there is no such repository yet is what is waited for. */
function problemOf(code: string, detail: string | undefined): SlipwayError | undefined {
  if (!isErrorCode(code) || code === "REGISTRY_NOT_FOUND") return undefined;
  return new SlipwayError(code, detail === undefined || detail === "" ? {} : { detail });
}

function awaited({ spec }: JobRow): readonly ImageRef[] {
  return spec.kind === "release" && "exact" in spec.images ? spec.images.exact.map(parseImageRef) : [];
}

/** It is planned like any other job again; whoever cancelled it meanwhile was first. */
async function openGate(deps: GateDeps, job: JobRow): Promise<void> {
  await ifStillWaiting(deps, job, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "ok" });
    await jobs.moveJob(tx, { id: job.id, event: "gates-opened" });
  });
  await deps.ring(laneSubject(job.lane_id));
}

async function refuse(deps: GateDeps, job: JobRow, { image, problem }: Missing): Promise<void> {
  const why = problem === undefined ? "" : `; at last: ${problem.message}`;
  const detail = `${image} did not appear within ${waitText(job)}${why}`;
  const hint = "slipway list-images shows the tags that exist";
  const error = toErrorRow(new SlipwayError("IMAGE_NOT_FOUND", { detail, hint }));
  await ifStillWaiting(deps, job, async (tx) => {
    await steps.endOpenSteps(tx, job.id, { outcome: "failed", detail });
    await jobs.moveJob(tx, { id: job.id, event: "gate-refused", patch: { error } });
  });
}

async function ifStillWaiting(
  { store }: GateDeps,
  { id }: JobRow,
  act: (tx: Parameters<Parameters<GateDeps["store"]["transaction"]>[0]>[0]) => Promise<void>,
): Promise<void> {
  await store.transaction(async (tx) => {
    const [now] = await jobs.lockJobs(tx, [id]);
    if (now?.phase === "waiting" && now.gate === "image") await act(tx);
  });
  store.hint(id);
}

function endOfWait({ spec, created_at: from }: Pick<JobRow, "spec" | "created_at">): Date | undefined {
  const seconds = spec.kind === "release" ? (spec.waitForImageSeconds ?? 0) : 0;
  return seconds > 0 ? new Date(from.getTime() + seconds * 1_000) : undefined;
}

/** Rarer the longer it takes: after a minute every 15 s. */
function pauseMs(waitedMs: number): number {
  return Math.min(Math.max(waitedMs / 4, shortestPauseMs), longestPauseMs);
}

function waitText({ spec }: JobRow): string {
  const seconds = spec.kind === "release" ? (spec.waitForImageSeconds ?? 0) : 0;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** "16:50" for 16:49:31: until then at least. */
function waitingFor(image: string, until: Date): string {
  const minute = new Date(Math.ceil(until.getTime() / 60_000) * 60_000).toISOString().slice(11, 16);
  return `image ${image}, until ${minute} UTC`;
}
