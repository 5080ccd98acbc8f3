import type { Job } from "#common/contracts/http.ts";
import { isTerminal } from "#common/domain/job.ts";

/** Figures of the jobs that are listed. Pure. */

const dayMs = 86_400_000;

export interface DayCounts {
  /** Beginnings of days in UTC, in seconds, as uPlot wants them. */
  readonly days: readonly number[];
  readonly good: readonly number[];
  readonly bad: readonly number[];
  readonly undone: readonly number[];
}

/** Releases per day by how they ended, the last `count` days until now; days without any are 0. */
export function perDay(jobs: readonly Job[], nowMs: number, count: number): DayCounts {
  const last = Math.floor(nowMs / dayMs);
  const days = Array.from({ length: count }, (_, index) => last - count + 1 + index);
  const good = days.map(() => 0);
  const bad = days.map(() => 0);
  const undone = days.map(() => 0);
  for (const job of jobs) {
    if (job.kind !== "release") continue;
    const index = Math.floor(Date.parse(job.createdAt) / dayMs) - last + count - 1;
    const kinds = { good, bad, undone }[endOf(job) ?? "good"];
    if (endOf(job) !== undefined && index >= 0 && index < count) kinds[index] = (kinds[index] ?? 0) + 1;
  }
  return { days: days.map((day) => (day * dayMs) / 1_000), good, bad, undone };
}

export interface Durations {
  /** When each ended, in seconds, rising. */
  readonly at: readonly number[];
  /** From the request until it was healthy, in seconds. */
  readonly seconds: readonly number[];
}

/** How long releases took until they were healthy. */
export function untilHealthy(jobs: readonly Job[]): Durations {
  const points = jobs
    .flatMap(({ kind, outcome, createdAt, finishedAt }) =>
      kind === "release" && outcome === "succeeded" && finishedAt !== null
        ? [
            {
              at: Date.parse(finishedAt) / 1_000,
              seconds: (Date.parse(finishedAt) - Date.parse(createdAt)) / 1_000,
            },
          ]
        : [],
    )
    .sort((a, b) => a.at - b.at);
  return { at: points.map(({ at }) => at), seconds: points.map(({ seconds }) => seconds) };
}

export interface Figures {
  readonly releases: number;
  readonly failed: number;
  readonly undone: number;
  /** Of releases that became healthy; undefined without any. */
  readonly medianSeconds: number | undefined;
}

export function figuresOf(jobs: readonly Job[]): Figures {
  const releases = jobs.filter(({ kind }) => kind === "release");
  const ends = releases.map(endOf);
  const seconds = [...untilHealthy(releases).seconds].sort((a, b) => a - b);
  return {
    releases: releases.length,
    failed: ends.filter((end) => end === "bad").length,
    undone: ends.filter((end) => end === "undone").length,
    medianSeconds: seconds[Math.floor((seconds.length - 1) / 2)],
  };
}

function endOf(job: Job): "good" | "bad" | "undone" | undefined {
  if (!isTerminal(job.phase)) return undefined;
  if (job.phase === "rolled-back" || job.rollback.by !== null) return "undone";
  if (job.phase === "failed") return "bad";
  return job.phase === "succeeded" ? "good" : undefined;
}
