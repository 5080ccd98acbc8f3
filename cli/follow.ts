import type { Job, Step } from "#common/contracts/http.ts";
import { isTerminal } from "#common/domain/job.ts";
import type { Clock } from "#common/kit/clock.ts";

import type { ApiClient } from "./api-client.ts";
import { CliProblem, exitCodes } from "./problem.ts";

/** What happens to a job while it is followed; `end` comes once and last. */
export type FollowEvent =
  | { readonly kind: "step"; readonly step: Step }
  | { readonly kind: "job"; readonly job: Job }
  | { readonly kind: "end"; readonly job: Job };

export interface FollowDeps {
  readonly api: Pick<ApiClient, "events" | "job" | "steps">;
  readonly clock: Clock;
}

const failuresBeforePolling = 3;
const quietMs = 60_000;
const pollMs = 500;
const patienceMs = 60_000;
const longStreamMs = 5_000;
const stepPagesLimit = 100;

/**
 * Follows a job to its end: by its event stream, resumed from the last event when cut, and by
 * polling where streams do not get through. Rides out a minute without the server.
 * Rejects with the signal's reason when that fires.
 */
export async function* followJob(
  deps: FollowDeps,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<FollowEvent> {
  const place: Place = { after: 0, id, signal };
  let failures = 0;
  while (failures < failuresBeforePolling) {
    const before = place.after;
    const startedMs = deps.clock.monotonicMs();
    const verdict = yield* followStream(deps, place);
    if (verdict === "ended") return;
    if (verdict === "no-stream") break;
    // A stream that told something, or lived for a while (servers end old ones), is no failure.
    const served = place.after > before || deps.clock.monotonicMs() - startedMs >= longStreamMs;
    failures = served ? 0 : failures + 1;
    await deps.clock.sleep(100 * 2 ** failures, signal);
  }
  yield* pollJob(deps, place);
}

interface Place {
  /** The job's seq of what was seen last: Last-Event-ID of the stream, `after` of the poll. */
  after: number;
  readonly id: string;
  readonly signal: AbortSignal;
}

type StreamVerdict = "ended" | "cut" | "quiet" | "no-stream";

async function* followStream(deps: FollowDeps, place: Place): AsyncGenerator<FollowEvent, StreamVerdict> {
  const quiet = new AbortController();
  let timer = setTimeout(() => quiet.abort(), quietMs);
  try {
    const signal = AbortSignal.any([place.signal, quiet.signal]);
    for await (const event of await deps.api.events(place.id, place.after, signal)) {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), quietMs);
      const told = read(event.event, event.data);
      if (told !== undefined) yield told;
      if (told?.kind === "end") return "ended";
      // Moved only after the event was taken, so that a resume never skips one.
      if (/^\d{1,15}$/.test(event.id)) place.after = Math.max(place.after, Number(event.id));
    }
    return "cut";
  } catch (error) {
    place.signal.throwIfAborted();
    if (quiet.signal.aborted) return "quiet";
    if (error instanceof CliProblem && !isPassing(error)) {
      if ([404, 405, 406].includes(error.parts.status ?? 0)) return "no-stream";
      throw error;
    }
    return "cut";
  } finally {
    clearTimeout(timer);
  }
}

function read(event: string, data: string): FollowEvent | undefined {
  switch (event) {
    case "step":
      return { kind: "step", step: JSON.parse(data) as Step };
    case "job":
      return { kind: "job", job: JSON.parse(data) as Job };
    case "end":
      return { kind: "end", job: JSON.parse(data) as Job };
    default:
      // A newer server may tell more; what we do not know does not concern us.
      return undefined;
  }
}

async function* pollJob(deps: FollowDeps, place: Place): AsyncGenerator<FollowEvent> {
  let awaySince: number | undefined;
  for (;;) {
    place.signal.throwIfAborted();
    try {
      // The job before its steps: those of a finished job are complete.
      const job = await deps.api.job(place.id);
      yield* newSteps(deps, place);
      awaySince = undefined;
      yield { kind: isTerminal(job.phase) ? "end" : "job", job };
      if (isTerminal(job.phase)) return;
    } catch (error) {
      const now = deps.clock.monotonicMs();
      awaySince ??= now;
      if (!isPassing(error) || now - awaySince > patienceMs) throw error;
    }
    await deps.clock.sleep(pollMs, place.signal);
  }
}

async function* newSteps(deps: FollowDeps, place: Place): AsyncGenerator<FollowEvent> {
  for (let page = 1; page <= stepPagesLimit; page += 1) {
    const answer = await deps.api.steps(place.id, place.after);
    for (const step of answer.steps) yield { kind: "step", step };
    place.after = answer.next;
    if (answer.steps.length === 0) return;
  }
}

/** Away or busy rather than refusing: worth waiting for. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliProblem) || error.exitCode !== exitCodes.unreachable) return false;
  const { status } = error.parts;
  return status === undefined || status === 429 || status >= 500;
}
