import type { FastifyReply } from "fastify";

import { isTerminal } from "#common/domain/job.ts";
import { mustGetJob } from "#common/store/jobs.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "./deps.ts";
import type { LiveParts } from "./live-parts.ts";

const lookEveryMs = 5_000;

export interface Waiting {
  readonly row: JobRow;
  readonly waitMs: number;
  /** Whose open answers are counted. */
  readonly client: string;
  readonly reply: FastifyReply;
}

/** The job as soon as it has ended, or as it stands when the time is up or the client went away. */
export async function waitForEnd(
  deps: Pick<ApiDeps, "store" | "clock">,
  live: LiveParts,
  waiting: Waiting,
): Promise<JobRow> {
  const { waitMs, client, reply } = waiting;
  let { row } = waiting;
  if (waitMs === 0 || isTerminal(row.phase)) return row;
  const answer = live.open.open(client, reply);
  const follower = live.watch.follow(row.id);
  const untilMs = deps.clock.monotonicMs() + waitMs;
  try {
    while (!isTerminal(row.phase) && !answer.signal.aborted) {
      const leftMs = untilMs - deps.clock.monotonicMs();
      if (leftMs <= 0) break;
      await follower.next(Math.min(leftMs, lookEveryMs), answer.signal);
      row = await mustGetJob(deps.store.db, row.id);
    }
    return row;
  } finally {
    follower.close();
    answer.close();
  }
}
