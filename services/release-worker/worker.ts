import { environmentSubject, laneSubject, queueNames, type Subject } from "#common/contracts/queue.ts";

import { createProgress, type Progress } from "#common/kit/health.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Bell, Listener } from "#common/kit/queue.ts";
import * as lanes from "#common/store/lanes.ts";
import * as workers from "#common/store/workers.ts";
import { createAutomationRoom } from "./automation/look-at-automation.ts";
import type { WorkerDeps } from "./deps.ts";
import { createEnvironmentRoom } from "./environment/look-at-environment.ts";
import { createImageGate } from "./lane/image-gate.ts";
import { createLaneRoom } from "./lane/look-at-lane.ts";
import { createWaitRoom } from "./gates/look-at-waits.ts";
import { repeat } from "./repeat.ts";
import { tidy } from "./tidy.ts";

const beatEveryMs = 1_500;
const ownLookEveryMs = 2_000;
const tidyEveryMs = 60_000;
const dueLimit = 50;
const concurrency = 10;
/** A loop that did not turn for so long hangs: Postgres' own limits would have ended its question. */
const maxSilenceMs = 60_000;

export interface WorkerOptions {
  readonly deps: WorkerDeps;
  readonly bell: Bell;
  readonly name: string;
}

export interface Worker extends Service {
  /** Beats with every turn of the loop that looks for work, whether there is any or not. */
  readonly progress: Progress;
}

/**
 * Looks at lanes and environments when the bell rings and, every 2 s, by itself: with the queue gone
 * everything still moves, only slower (CORRECTNESS 29). Which process acts is decided by leases alone.
 */
export function createWorker({ deps, bell, name }: WorkerOptions): Worker {
  const progress = createProgress({ maxSilenceMs, clock: deps.clock });
  const laneRoom = createLaneRoom(deps);
  const environmentRoom = createEnvironmentRoom(deps);
  const imageGate = createImageGate(deps);
  const waitRoom = createWaitRoom(deps);
  const automationRoom = createAutomationRoom(deps);
  const stopping = new AbortController();
  const silenced = new AbortController();
  const running = new Set<Promise<void>>();
  let listener: Listener | undefined;
  const loops: Promise<void>[] = [];

  const look = async (subject: Subject): Promise<void> => {
    const [kind, ...rest] = subject.split(":");
    const what = rest.join(":");
    if (kind === "lane") await laneRoom.look(what);
    // A rollout takes minutes: it must not occupy a slot of the queue.
    if (kind === "environment") {
      start(waitRoom.look());
      start(automationRoom.look());
      start(environmentRoom.look(what));
    }
    // A registry may take its time, too.
    if (kind === "repository") start(imageGate.look());
  };
  const start = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const lookByItself = async (): Promise<void> => {
    start(imageGate.look());
    start(waitRoom.look());
    start(automationRoom.look());
    for (const id of await lanes.dueLanes(deps.store.db, dueLimit)) start(look(laneSubject(id)));
    for (const due of await lanes.dueEnvironments(deps.store.db, dueLimit))
      start(look(environmentSubject(due)));
  };

  return {
    name: "worker",
    progress,
    async start() {
      await workers.registerWorker(deps.store.db, { id: deps.workerId, name });
      loops.push(
        ...[
          { everyMs: beatEveryMs, signal: silenced.signal, act: () => beat(deps), what: "beat" },
          { everyMs: ownLookEveryMs, signal: stopping.signal, act: lookByItself, what: "look", progress },
          { everyMs: tidyEveryMs, signal: stopping.signal, act: () => tidy(deps), what: "tidy" },
        ].map((loop) => repeat(deps, loop)),
      );
      listener = await bell.listen(queueNames.worker, look, { concurrency });
    },
    async stop() {
      stopping.abort();
      laneRoom.stop();
      environmentRoom.stop();
      imageGate.stop();
      waitRoom.stop();
      automationRoom.stop();
      await listener?.close();
      await Promise.allSettled(running);
      // Only now: a push that is under way must not lose its lease to the end of our heartbeat.
      silenced.abort();
      await Promise.allSettled(loops);
      await workers.removeWorker(deps.store.db, deps.workerId);
    },
  };
}

async function beat(deps: WorkerDeps): Promise<void> {
  try {
    await workers.beat(deps.store.db, deps.workerId);
    deps.heartbeat.succeeded();
  } catch (error) {
    deps.heartbeat.failed();
    throw error;
  }
}
