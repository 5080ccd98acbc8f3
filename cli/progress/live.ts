import type { Job, Step } from "#common/contracts/http.ts";

import type { Io } from "../io.ts";
import type { Paint } from "../print/paint.ts";
import { blockLines, stepLine, waitingLine } from "../print/steps.ts";
import type { StepStyle } from "../print/steps.ts";

import type { Reporter } from "./reporter.ts";

const frameMs = 100;

/** Finished steps scroll by as lines; those still running are rewritten in place below them. */
export function createLiveReporter(io: Pick<Io, "errRaw" | "clock" | "size">, paint: Paint): Reporter {
  const steps = new Map<number, Step>();
  let job: Job | undefined;
  let settled = 0;
  let drawn = 0;
  let frame = 0;

  const style = (): StepStyle => ({ now: io.clock.now(), columns: io.size().columns, frame, paint });
  const ordered = () =>
    [...steps.values()].filter((step) => step.number > settled).sort((a, b) => a.number - b.number);
  const draw = (last: boolean) => {
    const open = ordered();
    const firstOpen = open.findIndex((step) => step.endedAt === null);
    const done = last || firstOpen === -1 ? open : open.slice(0, firstOpen);
    // Only what fits on the screen can be rewritten later.
    const live = open.slice(done.length).slice(0, Math.max(1, io.size().rows - 3));
    const waiting = last || job === undefined ? undefined : waitingLine(job, style());
    const block = [
      ...live.map((step) => stepLine(step, style())),
      ...(waiting === undefined ? [] : [waiting]),
    ];
    const over = done.flatMap((step) => [stepLine(step, style()), ...blockLines(step, io.size().columns)]);
    const lines = [...over, ...block];
    io.errRaw(`${eraseUp(drawn)}${lines.map((line) => `${line}\n`).join("")}`);
    settled = done.at(-1)?.number ?? settled;
    drawn = block.length;
  };
  const timer = setInterval(() => {
    frame += 1;
    draw(false);
  }, frameMs);
  timer.unref();
  return {
    job: (next) => {
      job = next;
    },
    step: (step) => {
      steps.set(step.number, step);
      draw(false);
    },
    close: () => {
      clearInterval(timer);
      draw(true);
    },
  };
}

function eraseUp(lines: number): string {
  return lines === 0 ? "" : `\u001b[${lines}A\u001b[0J`;
}
