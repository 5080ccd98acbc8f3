import type { ReceiverSettings } from "#common/contracts/notification-settings.ts";
import type { Settings } from "#common/contracts/settings.ts";
import { toSlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Log } from "#common/kit/log.ts";
import type { SecretReader } from "#common/kit/settings.ts";
import * as deliveries from "#common/store/deliveries.ts";
import type { DeliveryRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";

import { notificationBody, wants } from "./notification.ts";
import { postWebhook } from "./post-webhook.ts";
import { webhookHeaders } from "./webhook-signature.ts";

export interface NotifierDeps {
  readonly settings: Settings;
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly secretOf: SecretReader;
  /** Until the next try, after so many that failed. */
  readonly pauseMs?: (attempt: number) => number;
}

const lookEveryMs = 1_000;
const eventsAtOnce = 500;
/** To one receiver at a time, whatever the others do. */
const atOnce = 4;
/** Longer than a post may take, so that nobody else tries meanwhile. */
const claimMs = 30_000;
const mostAttempts = 15;
const longestPauseMs = 3_600_000;

/**
 * Tells receivers of what happened, at least once and in order for each job. Every worker does; rows in
 * Postgres decide which one sends what, so that one that dies leaves its part to the others.
 */
export function createNotifier(deps: NotifierDeps): Service & { start(): Promise<void> } {
  const receivers = deps.settings.notifications ?? [];
  const stopping = new AbortController();
  const sending = new Map<string, Set<Promise<void>>>(receivers.map(({ name }) => [name, new Set()]));
  let turn = new AbortController();
  let loop: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    await spread(deps, receivers);
    for (const receiver of receivers) {
      const under = sending.get(receiver.name) ?? new Set();
      const most = atOnce - under.size;
      if (most <= 0) continue;
      const claim = { receiver: receiver.name, most, claimMs };
      for (const delivery of await deliveries.claimDeliveries(deps.store.db, claim)) {
        const work = send({ ...deps, signal: stopping.signal }, { receiver, delivery });
        under.add(work);
        void work.finally(() => {
          under.delete(work);
          // What waited for this one, or for its place, may go now.
          turn.abort();
        });
      }
    }
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      turn = new AbortController();
      try {
        await look();
      } catch (error) {
        deps.log.warn("notifications could not be looked at", { error });
      }
      const pauseMs = lookEveryMs * (0.8 + Math.random() * 0.4);
      const woken = AbortSignal.any([stopping.signal, turn.signal]);
      await deps.clock.sleep(pauseMs, woken).catch(() => undefined); // woken: the loop's head goes on
    }
  };
  return {
    name: "notifier",
    start: async () => {
      loop = run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
      await Promise.allSettled([...sending.values()].flatMap((works) => [...works]));
    },
  };
}

async function spread(deps: NotifierDeps, receivers: readonly ReceiverSettings[]): Promise<void> {
  await deliveries.spreadEvents(deps.store.db, {
    most: eventsAtOnce,
    toDeliveries: (event) => {
      const hearing = receivers.filter((receiver) => wants(receiver, event));
      if (hearing.length === 0) return [];
      const body = notificationBody(deps.settings, event);
      return hearing.map(({ name }) => ({ id: deps.newId(), receiver: name, body }));
    },
  });
}

interface Sending {
  readonly receiver: ReceiverSettings;
  readonly delivery: DeliveryRow;
}

/** One try; what becomes of it is written down, and never thrown. */
async function send(
  deps: NotifierDeps & { signal: AbortSignal },
  { receiver, delivery }: Sending,
): Promise<void> {
  const { store, log } = deps;
  const facts = {
    receiver: receiver.name,
    delivery: delivery.id,
    event: delivery.kind,
    subject: delivery.subject,
  };
  try {
    const outcome = await post(deps, { receiver, delivery });
    // Stopped in the middle: whether it came is not known, and whoever comes next tries again.
    if (deps.signal.aborted && outcome.problem !== null) return;
    if (outcome.problem === null) {
      await deliveries.endDelivery(store.db, { ...delivery, state: "delivered", problem: null });
      return;
    }
    const { problem } = outcome;
    if (outcome.final || delivery.attempt >= mostAttempts) {
      await deliveries.endDelivery(store.db, { ...delivery, state: "dead", problem });
      log.warn("a notification was given up", { ...facts, problem });
      return;
    }
    const pauseMs = (deps.pauseMs ?? usualPauseMs)(delivery.attempt);
    const inMs = Math.min(Math.max(pauseMs, outcome.retryAfterMs ?? 0), longestPauseMs);
    await deliveries.putOffDelivery(store.db, { ...delivery, inMs: Math.round(inMs), problem });
    log.debug("a notification is tried again", { ...facts, problem, inMs });
  } catch (error) {
    // Its claim runs out, and it is tried again.
    log.warn("what became of a notification could not be kept", { ...facts, error });
  }
}

interface Outcome {
  readonly problem: string | null;
  readonly final: boolean;
  readonly retryAfterMs?: number | undefined;
}

async function post(
  deps: NotifierDeps & { signal: AbortSignal },
  { receiver, delivery }: Sending,
): Promise<Outcome> {
  const { secretFile, secretEnv } = receiver;
  const body = JSON.stringify(delivery.body);
  try {
    const secret = deps.secretOf({ file: secretFile, env: secretEnv });
    if (secret === undefined) return { problem: "the secret is missing", final: false };
    const headers = webhookHeaders(secret, { id: delivery.id, at: deps.clock.now(), body });
    const { status, retryAfterMs } = await postWebhook({ receiver, headers, body, signal: deps.signal });
    if (status >= 200 && status < 300) return { problem: null, final: false };
    // Gone: it says itself that it wants no more.
    return { problem: `it answered ${status}`, final: status === 410, retryAfterMs };
  } catch (error) {
    const { message } = toSlipwayError(error);
    return { problem: message.slice(0, 500), final: false };
  }
}

/** 5 s, doubling up to an hour, a fifth more or less; fifteen tries take about five hours. */
function usualPauseMs(attempt: number): number {
  return Math.min(5_000 * 2 ** Math.max(0, attempt - 1), longestPauseMs) * (0.8 + Math.random() * 0.4);
}
