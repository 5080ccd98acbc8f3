import { toSlipwayError } from "#common/domain/errors.ts";

import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { withDeadline } from "./retry.ts";

/** Whether a loop still turns; what a liveness probe asks. Progress is the turn, not that work was found. */
export interface Progress {
  beat(): void;
  alive(): boolean;
  /** Milliseconds since the last beat. */
  silenceMs(): number;
}

/** Counts as alive until it was silent for `maxSilenceMs`; beating begins now. */
export function createProgress(options: { readonly maxSilenceMs: number; readonly clock?: Clock }): Progress {
  const clock = options.clock ?? systemClock;
  let lastMs = clock.monotonicMs();
  const silenceMs = (): number => clock.monotonicMs() - lastMs;
  return {
    beat: () => {
      lastMs = clock.monotonicMs();
    },
    silenceMs,
    alive: () => silenceMs() <= options.maxSilenceMs,
  };
}

/** Something a process leans on, as `/readyz` asks it. */
export interface Dependency {
  readonly name: string;
  /** Without it nothing can be answered: the process is not ready. */
  readonly needed: boolean;
  check(): Promise<void>;
}

export interface Readiness {
  readonly ready: boolean;
  /** What keeps the process from being ready. */
  readonly failing: string[];
  /** "ok", or a code of the catalogue. */
  readonly dependencies: Record<string, string>;
}

const checkMs = 1_000;

/** Asks all dependencies at once; one that is silent for a second counts as away. */
export async function readinessOf(dependencies: readonly Dependency[]): Promise<Readiness> {
  const checks = await Promise.all(dependencies.map(checkOne));
  const failing = checks.filter((one) => one.needed && one.word !== "ok").map((one) => one.name);
  return {
    ready: failing.length === 0,
    failing,
    dependencies: Object.fromEntries(checks.map(({ name, word }) => [name, word])),
  };
}

async function checkOne(dependency: Dependency) {
  const { name, needed } = dependency;
  try {
    await withDeadline(dependency.check(), checkMs, name);
    return { name, needed, word: "ok" };
  } catch (error) {
    // The word is the answer; whoever owns the connection logs why.
    return { name, needed, word: toSlipwayError(error).code };
  }
}
