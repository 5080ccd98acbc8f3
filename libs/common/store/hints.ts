import { Client } from "pg";

import type { Log } from "../kit/log.ts";
import { pauseMs } from "../kit/retry.ts";
import { connectionConfig } from "./db.ts";

/** Hears which jobs moved; an empty list means "the connection was away: anything may have". */
export type HintListener = (jobIds: readonly string[]) => void;

/** Says and hears "look at these jobs" between processes. Only ever a hint: every listener also polls. */
export interface Hints {
  readonly hint: (jobId: string) => void;
  readonly onHint: (listener: HintListener) => () => void;
  readonly stop: () => Promise<void>;
}

const channel = "slipway_jobs";
const mergeMs = 50;
/** A payload has 8,000 bytes; an id and its comma take 37. */
const idsPerNotify = 200;
/** Beyond this nobody could follow anyway; listeners re-read by themselves. */
const pendingLimit = 10_000;

/**
 * NOTIFY inside a working transaction would serialise commits, so hints go merged over a connection
 * of their own, which also listens. It is opened when first needed and again when it was lost.
 */
export function createHints(databaseUrl: string, log: Log): Hints {
  const listeners = new Set<HintListener>();
  const link = createLink(databaseUrl, log, (jobIds) => listeners.forEach((listener) => listener(jobIds)));
  const outbox = createOutbox(link, log);
  return {
    hint: outbox.add,
    onHint: (listener) => {
      listeners.add(listener);
      link.listen();
      return () => listeners.delete(listener);
    },
    stop: async () => {
      outbox.stop();
      await link.stop();
    },
  };
}

interface Link {
  /** Keeps a listening connection open from now on. */
  listen(): void;
  notify(payload: string): Promise<void>;
  stop(): Promise<void>;
}

function createLink(databaseUrl: string, log: Log, heard: HintListener): Link {
  const state: LinkState = {
    client: undefined,
    listening: false,
    stopped: false,
    failures: 0,
    timer: undefined,
  };
  const open = (): Promise<Client> => (state.client ??= connect());

  const connect = async (): Promise<Client> => {
    const client = new Client({ ...connectionConfig(databaseUrl), statement_timeout: 5_000 });
    const lost = (error?: Error): void => onLost(error);
    client.on("error", lost).on("end", () => lost());
    client.on("notification", (note) => heard((note.payload ?? "").split(",").filter((id) => id !== "")));
    let gone = false;
    const onLost = (error?: Error): void => {
      if (gone) return;
      gone = true;
      state.client = undefined;
      if (!state.stopped) log.debug("the hint connection was lost", { error });
      reconnectSoon();
    };
    try {
      await client.connect();
      if (state.listening) await client.query(`listen ${channel}`);
    } catch (error) {
      onLost(error instanceof Error ? error : undefined);
      await client.end().catch(() => undefined); // it never came up: there is nothing to end cleanly
      throw error;
    }
    state.failures = 0;
    if (state.listening) heard([]);
    return client;
  };

  const reconnectSoon = (): void => {
    if (state.stopped || !state.listening || state.timer !== undefined) return;
    state.failures += 1;
    const inMs = pauseMs(state.failures, { baseMs: 50, maxMs: 2_000 });
    state.timer = setTimeout(() => {
      state.timer = undefined;
      open().catch(() => undefined); // onLost has logged it and set the next try
    }, inMs);
    state.timer.unref();
  };

  return {
    listen: () => {
      if (state.listening || state.stopped) return;
      state.listening = true;
      const listening = state.client?.then((client) => client.query(`listen ${channel}`)) ?? open();
      listening.catch(() => undefined); // onLost has logged it and set the next try
    },
    notify: async (payload) => {
      if (state.stopped) return;
      const client = await open();
      await client.query("select pg_notify($1, $2)", [channel, payload]);
    },
    stop: async () => {
      state.stopped = true;
      clearTimeout(state.timer);
      const client = await state.client?.catch(() => undefined); // one that never came up is ended already
      await client?.end();
    },
  };
}

interface LinkState {
  client: Promise<Client> | undefined;
  listening: boolean;
  stopped: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

function createOutbox(link: Link, log: Log): { add: (jobId: string) => void; stop: () => void } {
  const pending = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let sentAtMs = -Infinity;
  const send = async (): Promise<void> => {
    timer = undefined;
    sentAtMs = performance.now();
    const jobIds = [...pending];
    pending.clear();
    for (let from = 0; from < jobIds.length; from += idsPerNotify) {
      await link.notify(jobIds.slice(from, from + idsPerNotify).join(","));
    }
  };
  return {
    add: (jobId) => {
      if (pending.size < pendingLimit) pending.add(jobId);
      // The first after a quiet while goes at once; what follows soon is merged.
      const waitMs = Math.max(0, mergeMs - (performance.now() - sentAtMs));
      timer ??= setTimeout(() => {
        send().catch((error: unknown) => log.debug("a hint was not sent", { error }));
      }, waitMs);
      timer.unref();
    },
    stop: () => clearTimeout(timer),
  };
}
