import type { ContainerResult, Job, Step } from "#common/contracts/http.ts";
import { isTerminal } from "#common/domain/job.ts";

import { agoText, changeText, countText, durationText, shortWorkload, wordsOf } from "./format.ts";

/** A job in words. Pure. */

interface PhaseLook {
  readonly tone: "good" | "bad" | "warn" | "plain" | "accent";
  readonly icon: "check" | "cross" | "undo" | "dash" | "wait";
  readonly busy: boolean;
}

export function phaseLook({ phase }: Pick<Job, "phase">): PhaseLook {
  switch (phase) {
    case "succeeded":
      return { tone: "good", icon: "check", busy: false };
    case "failed":
      return { tone: "bad", icon: "cross", busy: false };
    case "rolled-back":
      return { tone: "warn", icon: "undo", busy: false };
    case "cancelled":
    case "superseded":
      return { tone: "plain", icon: "dash", busy: false };
    case "queued":
    case "waiting":
      return { tone: "warn", icon: "wait", busy: false };
    case "writing":
    case "rolling-out":
      return { tone: "accent", icon: "wait", busy: true };
    default:
      return phase satisfies never;
  }
}

/** "front-end 0.2.0 → 7f511af2 on default: rolling out, 2 of 3 updated, 14 s" */
export function jobSentence(job: Job, steps: readonly Step[], nowMs: number): string {
  return `${subjectOf(job)} on ${job.environment}: ${stateOf(job, steps, nowMs)}`;
}

/** What it is about, as short as it can be said. */
export function subjectOf(job: Job): string {
  const done = job.results.filter(({ result }) => result !== "skip");
  const [first] = done;
  if (first === undefined) return job.headline;
  const workloads = new Set(done.map(({ workload }) => workload));
  if (workloads.size > 1) return `${job.headline} (${countText(workloads.size, "workload")})`;
  const name = shortWorkload(first.workload).split("/").at(-1) ?? first.workload;
  if (first.policy !== undefined) return `${name} ${policyChange(first)}`;
  if (done.length > 1) return `${name}, ${countText(done.length, "container")}`;
  return `${name} ${changeText(first.from, first.to)}`;
}

/** "locked: none → true" */
export function policyChange({ policy = "", from, to }: ContainerResult): string {
  const value = (text: string | null): string => (text === null || text === "" ? "none" : text);
  return `${policy.replace(/^.*\//, "")}: ${value(from)} → ${value(to)}`;
}

function stateOf(job: Job, steps: readonly Step[], nowMs: number): string {
  const took = durationText(tookMs(job, nowMs));
  if (isTerminal(job.phase)) return `${wordsOf(job.outcome ?? job.phase)} in ${took}`;
  if (job.phase === "waiting") return waitingText(job, nowMs);
  if (job.phase === "queued") return job.waitingFor === null ? "queued" : `queued, ${job.waitingFor}`;
  const progress = job.phase === "rolling-out" ? progressOf(steps) : undefined;
  return [wordsOf(job.phase), progress, took].filter((part) => part !== undefined).join(", ");
}

function progressOf(steps: readonly Step[]): string | undefined {
  const open = steps.findLast(({ endedAt, detail }) => endedAt === null && detail !== null);
  const detail = open?.detail ?? "";
  return detail === "" || detail.includes("\n") ? undefined : (detail.split(", ")[0] ?? detail);
}

/** "waits for approval, until in 24 h": what exactly it waits for stands below. */
function waitingText(job: Pick<Job, "waitingFor" | "gate" | "waitingUntil">, nowMs: number): string {
  const what = job.gate === null ? (job.waitingFor ?? "its turn") : gateWords[job.gate];
  return job.waitingUntil === null
    ? `waits for ${what}`
    : `waits for ${what}, until ${agoText(job.waitingUntil, nowMs)}`;
}

const gateWords = {
  approval: "approval",
  window: "a release window",
  freeze: "the end of a freeze",
  schedule: "its time",
  image: "its image",
  merge: "the merge",
} as const;

/** From acceptance to the end, or until now. */
export function tookMs(
  { createdAt, finishedAt }: Pick<Job, "createdAt" | "finishedAt">,
  nowMs: number,
): number {
  return (finishedAt === null ? nowMs : Date.parse(finishedAt)) - Date.parse(createdAt);
}

export function isOver({ phase }: Pick<Job, "phase">): boolean {
  return isTerminal(phase);
}

/** Something of it is in git that a rollback could bring back. */
export function canUndo(job: Job): boolean {
  if (job.commit === null || job.rollback.by !== null) return false;
  if (job.kind === "sync" || job.kind === "restart") return false;
  return isTerminal(job.phase) && job.phase !== "rolled-back";
}

/** Before its push: afterwards it goes on to its end. */
export function canCancel({ phase }: Pick<Job, "phase">): boolean {
  return phase === "queued" || phase === "waiting" || phase === "writing";
}

export interface Truths {
  readonly git: string;
  readonly cluster: string;
}

/** Whether git was written, whether the cluster was: never to be guessed. */
export function truthsOf(job: Job): Truths {
  const over = isTerminal(job.phase);
  const git =
    job.commit === null
      ? over
        ? "Git was not written."
        : "Git is not written yet."
      : `Git holds commit ${job.commit.slice(0, 7)}.`;
  const changed = job.results.filter(({ result }) => result === "changed").length;
  const failed = job.results.filter(({ result }) => result === "failed").length;
  return { git, cluster: clusterText(job, { changed, failed, over }) };
}

function clusterText(
  job: Job,
  { changed, failed, over }: { readonly changed: number; readonly failed: number; readonly over: boolean },
): string {
  if (job.kind === "policy") return "Policies move nothing by themselves.";
  if (job.outcome === "nothing-to-do") return "Nothing had to change.";
  if (job.phase === "rolled-back") return "The cluster is back at what ran before.";
  if (failed > 0) return `${countText(failed, "container")} did not become healthy.`;
  if (job.phase === "succeeded" && job.outcome === "committed") return "Another tool applies what git holds.";
  if (job.phase === "succeeded")
    return `The cluster runs it${changed > 1 ? `: ${countText(changed, "container")}` : ""}.`;
  if (job.phase === "rolling-out") return "The cluster is moving.";
  return over ? "The cluster was not changed by it." : "The cluster is not changed yet.";
}
