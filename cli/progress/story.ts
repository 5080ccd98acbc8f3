import type { Step } from "#common/contracts/http.ts";

import type { Io } from "../io.ts";
import { blockLines, storyStepLine } from "../print/steps.ts";

import type { Reporter } from "./reporter.ts";

/** Lines of containers are bounded where they are read. */
const storyColumns = 1_000;

/** The numbered steps of 2016, each once, in order, when it is over; on the result stream as then. */
export function createStoryReporter(io: Pick<Io, "out">): Reporter {
  const steps = new Map<number, Step>();
  let next = 1;
  const print = (step: Step) => {
    io.out(storyStepLine(step));
    for (const line of blockLines(step, storyColumns)) io.out(line);
    next = step.number + 1;
  };
  return {
    job: () => {},
    step: (step) => {
      if (step.number < next) return;
      steps.set(step.number, step);
      for (let ready = steps.get(next); ready?.endedAt != null; ready = steps.get(next)) print(ready);
    },
    close: () => {
      const rest = [...steps.values()].filter((step) => step.number >= next);
      for (const step of rest.sort((a, b) => a.number - b.number)) print(step);
    },
  };
}
