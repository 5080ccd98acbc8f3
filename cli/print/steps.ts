import type { Job, Step } from "#common/contracts/http.ts";

import { shortJob } from "./names.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";
import { cutTo, padTo } from "./table.ts";
import { betweenMs, durationText, logTime } from "./time.ts";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const textWidth = 66;

export interface StepStyle {
  readonly now: Date;
  readonly columns: number;
  /** Counts up: turns the mark of what still runs. */
  readonly frame: number;
  readonly paint: Paint;
}

/** ` ✔  9 Pushed commit: …        0.2 s   3fa94c1`, never wider than the terminal. */
export function stepLine(step: Step, style: StepStyle): string {
  const end = step.endedAt ?? style.now.toISOString();
  const took = durationText(betweenMs(step.startedAt, end));
  const room = Math.max(20, style.columns - 8);
  const width = Math.min(textWidth, Math.max(20, room - 20));
  const text = padTo(cutTo(safe(step.text), width), width);
  const beside = besideText(step);
  const detail = beside === "" ? "" : `   ${safe(beside)}`;
  const line = cutTo(`${text} ${took.padStart(6)}${detail}`.trimEnd(), room);
  return ` ${stepMark(step, style)} ${String(step.number).padStart(2)} ${line}`;
}

/** What a job waits for before or between steps, below the live list. */
export function waitingLine(job: Job, style: StepStyle): string | undefined {
  if (job.waitingFor === null) return undefined;
  const text = cutTo(`waiting: ${safe(job.waitingFor)}`, Math.max(20, style.columns - 8));
  return ` ${style.paint.warn(frameOf(style.frame))}    ${text}`;
}

/** One line of a pipeline's log: `2026-11-23T16:40:02Z 0c1d8e11 9 ok Pushed commit: …`. */
export function plainStepLine(job: Job, step: Step, now: Date): string {
  const at = step.endedAt === null ? now : new Date(step.endedAt);
  const beside = besideText(step);
  const detail = beside === "" ? "" : ` ${beside}`;
  const mark = step.endedAt === null ? ".." : (step.outcome ?? "ok");
  return safe(`${logTime(at)} ${shortJob(job.id)} ${step.number} ${mark} ${step.text}${detail}`);
}

/** `… 0c1d8e11 - .. waiting: approval by shop-leads`. */
export function plainWaitingLine(job: Job, now: Date): string {
  return safe(`${logTime(now)} ${shortJob(job.id)} - .. waiting: ${job.waitingFor ?? ""}`);
}

/** ` 9. Pushed commit: …`, as in 2016; what went wrong is said. */
export function storyStepLine(step: Step): string {
  const beside = besideText(step);
  const isBlock = step.detail?.includes("\n") === true;
  const failed = step.outcome === "failed" && !isBlock ? ` FAILED${beside === "" ? "" : `: ${beside}`}` : "";
  return safe(`${String(step.number).padStart(2)}. ${step.text}${failed}`);
}

/** What a container wrote, below its step: the one kind of detail that has several lines. */
export function blockLines(step: Step, columns: number): readonly string[] {
  const { detail } = step;
  if (detail === null || !detail.includes("\n")) return [];
  return detail.split("\n").map((line) => cutTo(`      | ${safe(line)}`, Math.max(20, columns)));
}

function besideText({ detail }: Step): string {
  return detail === null || detail.includes("\n") ? "" : detail;
}

function stepMark(step: Step, style: StepStyle): string {
  switch (step.outcome) {
    case "ok":
      return style.paint.good("✔");
    case "failed":
      return style.paint.bad("✖");
    case "skipped":
      return style.paint.dim("-");
    default:
      return style.paint.warn(frameOf(style.frame));
  }
}

function frameOf(count: number): string {
  return frames[count % frames.length] ?? "";
}
