import { readFile } from "node:fs/promises";

import type { Settings } from "#common/contracts/settings.ts";
import { takeUp } from "#common/contracts/take-up.ts";

import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { loadSettings, parseSettings } from "./settings.ts";

/** The settings file as it is while a process runs. */
export interface LiveSettings extends Service {
  /** Whoever reads a part of it reads the newest that was taken up. */
  readonly settings: Settings;
  /** Called after new settings were taken up, before the next look at the file. */
  onChange(listener: (settings: Settings) => Promise<void>): void;
  /** Looks at the file now. */
  reload(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LiveSettingsOptions {
  readonly path: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly everyMs?: number;
}

/**
 * Reads the file, or throws as `loadSettings`; then looks at it again and again. A file with mistakes
 * changes nothing, and is told of once; what needs a restart is told of too.
 */
export async function openLiveSettings(options: LiveSettingsOptions): Promise<LiveSettings> {
  const { path, everyMs = 2_000 } = options;
  const state = { current: await loadSettings(path), text: await readFile(path, "utf8") };
  const listeners: ((settings: Settings) => Promise<void>)[] = [];
  const tell = tellers(options);
  const reload = async (): Promise<void> => {
    try {
      const text = await readFile(path, "utf8");
      if (text === state.text) return;
      state.text = text;
      const { settings, waiting } = takeUp(state.current, parseSettings(text, path));
      state.current = settings;
      for (const listener of listeners) await listener(settings);
      tell.taken(waiting);
    } catch (error) {
      tell.refused(error);
    }
  };
  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "settings",
    settings: viewOf(() => state.current),
    onChange: (listener) => void listeners.push(listener),
    reload,
    start: async () => {
      timer = setInterval(() => {
        looking = looking.then(reload);
      }, everyMs);
      timer.unref();
    },
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

/** An object whose parts are those of another that is replaced now and then. */
function viewOf(current: () => Settings): Settings {
  return new Proxy({} as Settings, {
    get: (_target, key) => Reflect.get(current(), key) as unknown,
    has: (_target, key) => Reflect.has(current(), key),
    ownKeys: () => Reflect.ownKeys(current()),
    getOwnPropertyDescriptor: (_target, key) => {
      const found = Reflect.getOwnPropertyDescriptor(current(), key);
      return found === undefined ? undefined : { ...found, configurable: true };
    },
  });
}

function tellers({ path, log, metrics }: LiveSettingsOptions) {
  const refusals = exposeSettings(metrics);
  let last = "";
  return {
    taken(waiting: readonly string[]): void {
      last = "";
      refusals.refused.set(0);
      refusals.restart.set(waiting.length > 0 ? 1 : 0);
      log.info("new settings were taken up", { file: path });
      if (waiting.length > 0) log.warn("a part of the new settings waits for a restart", { waiting });
    },
    refused(error: unknown): void {
      refusals.refused.set(1);
      const text = error instanceof Error ? error.message : String(error);
      if (text !== last) log.error("the new settings are refused; the old ones stay", { error });
      last = text;
    },
  };
}

/** What is shown of the settings file. */
export function exposeSettings(metrics: Metrics) {
  const refused = metrics.gauge({
    name: "settings_refused",
    help: "1 while the settings file has mistakes; the settings of before stay.",
  });
  const restart = metrics.gauge({
    name: "settings_restart_needed",
    help: "1 while a part of the settings file waits for a restart of this process.",
  });
  refused.set(0);
  restart.set(0);
  return { refused, restart };
}
