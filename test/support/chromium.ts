import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";

import { findOnPath } from "#common/kit/redis-server.ts";

import { needs } from "./skips.ts";

const command = findChromium(process.env);

/** A browser that is installed, under any of its names. */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  return names.map((name) => findOnPath(name, env)).find((path) => path !== undefined);
}

/** Whether there is a browser to drive; notes the skip when not. */
export function hasChromium(): boolean {
  return needs("Chromium", command !== undefined, "apt-get install chromium");
}

/** A real Chromium without a window. */
export async function startChromium(): Promise<Browser> {
  if (command === undefined) throw new Error("there is no Chromium; ask hasChromium() first");
  // Its own sandbox needs rights that containers and root do not have; only our own page is opened.
  return chromium.launch({ executablePath: command, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
