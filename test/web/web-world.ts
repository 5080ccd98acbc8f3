import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { silentLog } from "#common/kit/log.ts";
import { startDemoWorld } from "#sandbox/demo/world.ts";
import type { DemoWorld } from "#sandbox/demo/world.ts";
import { untilReady } from "#sandbox/demo/story.ts";
import { hasChromium, startChromium } from "#support/chromium.ts";
import { hasPostgres } from "#support/postgres.ts";

import { buildPage } from "../../tools/build-page.ts";
import { startInstallation } from "../../tools/installation.ts";
import type { Installation } from "../../tools/installation.ts";

/** The demo's world with all services as processes, and a real browser before it. */
export interface WebWorld {
  readonly url: string;
  readonly token: string;
  readonly world: DemoWorld;
  readonly installation: Installation;
  /** A browser of its own, signed in, at a path; what it finds wrong is in `faults`. */
  open(path: string, options?: OpenOptions): Promise<OpenPage>;
  /** The API as the tests ask it. */
  api<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

export interface OpenOptions extends BrowserContextOptions {
  readonly token?: string;
  readonly signedIn?: boolean;
}

export interface OpenPage {
  readonly page: Page;
  /** Errors of its scripts, and what its policy refused. */
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
}

/** What a web world cannot bring itself. */
export function hasWebWorld(): boolean {
  return [hasChromium(), hasPostgres()].every(Boolean);
}

export async function startWebWorld(): Promise<WebWorld> {
  process.setMaxListeners(50);
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).toReversed()) await one();
  };
  try {
    return { ...(await startAll(stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(stops: (() => Promise<void>)[]): Promise<Omit<WebWorld, "stop">> {
  await buildPage();
  const folder = await mkdtemp(join(tmpdir(), "slipway-web-"));
  await chmod(folder, 0o711);
  stops.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const world = await startDemoWorld({ folder, gitToken: "git-token" });
  stops.push(() => world.stop());
  const installation = await startInstallation({
    folder,
    settingsFile: world.settingsFile,
    env: process.env,
    workers: 1,
    log: silentLog,
  });
  stops.push(() => installation.stop());
  const browser = await startChromium();
  stops.push(() => browser.close());
  const { url, token } = installation;
  const interrupted = new AbortController().signal;
  await untilReady({ url, token, world, env: process.env, print: () => undefined, interrupted }, 60_000);
  return {
    url,
    token,
    world,
    installation,
    open: (path, options) => openPage(browser, { url, token }, { path, ...options }),
    api: async <T>(method: string, path: string, body?: unknown) => {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as T;
    },
  };
}

async function openPage(
  browser: Browser,
  at: { readonly url: string; readonly token: string },
  { path, signedIn = true, token = at.token, ...options }: OpenOptions & { readonly path: string },
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // Refused requests are told by the page itself; what is left here is broken script or policy.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) {
      faults.push(message.text());
    }
  });
  await page.goto(`${at.url}${path}${signedIn ? `#token=${token}` : ""}`);
  return { page, faults, close: () => context.close() };
}
