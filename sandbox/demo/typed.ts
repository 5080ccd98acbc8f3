import { spawn } from "node:child_process";
import { join } from "node:path";
import { SlipwayError } from "#common/domain/errors.ts";
import type { DemoWorld } from "./world.ts";

export interface StoryPlace {
  readonly url: string;
  readonly token: string;
  readonly world: DemoWorld;
  readonly print: (text: string) => void;
  readonly interrupted: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

export interface Typed {
  /** Who types it; else the administrator. */
  readonly token?: string;
  /** Its output is a secret, and not shown. */
  readonly hidden?: boolean;
}

/** Types a line at the true command line, shows it with its output, and returns that; throws unless it ends well. */
export async function slipway(
  place: StoryPlace,
  args: readonly string[],
  { token = place.token, hidden = false }: Typed = {},
): Promise<string> {
  const shown = args
    .filter((arg) => !["-y", "--format", "story"].includes(arg))
    .map((arg) => (arg.includes(" ") ? `"${arg}"` : arg))
    .join(" ");
  place.interrupted.throwIfAborted();
  place.print(`$ slipway ${shown}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../cli/main.ts"), ...args], {
    env: { ...place.env, SLIPWAY_URL: place.url, SLIPWAY_TOKEN: token },
    stdio: ["ignore", "pipe", "inherit"],
    signal: place.interrupted,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("exit", resolve);
    // Not started, or ended by Ctrl-C.
    child.once("error", reject);
  });
  // Awaited below, after the output was read; until then a rejection is not forgotten.
  ended.catch(() => undefined);
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (!hidden) process.stdout.write(String(chunk));
  }
  const code = await ended;
  if (code !== 0) throw broken(`slipway ${shown} ended with exit code ${code}`);
  return output;
}

/** What is not as it should be ends the demo. */
export function broken(detail: string): SlipwayError {
  return new SlipwayError("INTERNAL", { detail: `the story broke: ${detail}` });
}
