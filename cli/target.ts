import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { contextNamed, readContexts } from "./contexts.ts";
import type { Context } from "./contexts.ts";
import { CliProblem, exitCodes, usageProblem } from "./problem.ts";

/** The server that is spoken to, and how it was found. */
export interface Target {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string | undefined;
  /** For messages: "--url", "SLIPWAY_URL", the context's name or the demo's file. */
  readonly source: string;
  /** Certificates of an authority of one's own. */
  readonly caFile?: string | undefined;
  /** A proxy's URL, or "none"; without it the environment's HTTPS_PROXY and the like count. */
  readonly proxy?: string | undefined;
}

export interface TargetDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isAlive: (pid: number) => boolean;
  readonly userId: number | undefined;
}

export interface TargetOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly context?: string | undefined;
  readonly caFile?: string | undefined;
}

/**
 * `--url/--token` (or `--context`), else `SLIPWAY_URL/SLIPWAY_TOKEN`, else the current context, else the
 * newest living demo upward from here. Throws with exit 2, naming all four, when there is none.
 */
export async function findTarget(options: TargetOptions, deps: TargetDeps): Promise<Target> {
  const { caFile, ...target } = await findPlace(options, deps);
  const certificates = filled(options.caFile) ?? filled(deps.env["SLIPWAY_CA_FILE"]) ?? caFile;
  return certificates === undefined ? target : { ...target, caFile: certificates };
}

async function findPlace(options: TargetOptions, deps: TargetDeps): Promise<Target> {
  const given = filled(options.token);
  const ofEnv = filled(deps.env["SLIPWAY_TOKEN"]);
  if (options.url !== undefined && options.context !== undefined) {
    throw usageProblem("Give either --url or --context");
  }
  if (options.url !== undefined) {
    return { url: checkUrl(options.url, "--url"), token: given ?? ofEnv, source: "--url" };
  }
  if (options.context !== undefined) {
    const contexts = await readContexts(deps.env);
    return ofContext(options.context, contextNamed(contexts, options.context), given);
  }
  const envUrl = filled(deps.env["SLIPWAY_URL"]);
  if (envUrl !== undefined) {
    return { url: checkUrl(envUrl, "SLIPWAY_URL"), token: given ?? ofEnv, source: "SLIPWAY_URL" };
  }
  // SLIPWAY_TOKEN belongs to another server; only a token given by hand replaces one's own.
  const { current, contexts } = await readContexts(deps.env);
  const context = current === undefined ? undefined : contexts[current];
  if (current !== undefined && context !== undefined) return ofContext(current, context, given);
  const demo = await findDemo(deps);
  if (demo === undefined) throw nowhere();
  return { url: checkUrl(demo.url, demo.file), token: given ?? demo.token, source: demo.file };
}

function ofContext(name: string, context: Context, token: string | undefined): Target {
  const source = `context "${name}"`;
  const { caFile, proxy } = context;
  return {
    url: checkUrl(context.url, source),
    token: token ?? context.token,
    source,
    ...(caFile === undefined ? {} : { caFile }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

const levelsLimit = 64;
const filesLimit = 200;
const fileBytesLimit = 64 * 1024;

interface DemoFile {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly file: string;
}

async function findDemo(deps: TargetDeps): Promise<DemoFile | undefined> {
  let directory = deps.cwd;
  for (let level = 0; level < levelsLimit; level += 1) {
    const found = await newestLiving(join(directory, ".slipway"), deps);
    if (found !== undefined) return found;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
  return undefined;
}

async function newestLiving(directory: string, deps: TargetDeps): Promise<DemoFile | undefined> {
  const files = (await namesIn(directory)).filter((name) => /^demo-.+\.json$/.test(name));
  const dated = await Promise.all(
    files.slice(0, filesLimit).map((name) => dateOf(join(directory, name), deps)),
  );
  const newestFirst = dated.filter((file) => file !== undefined).sort((a, b) => b.changedMs - a.changedMs);
  for (const { path } of newestFirst) {
    const demo = await readDemo(path);
    if (demo !== undefined && deps.isAlive(demo.pid)) return demo;
  }
  return undefined;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    // No such directory here, or not ours to read: the search goes on upward.
    return [];
  }
}

async function dateOf(path: string, deps: TargetDeps) {
  try {
    const found = await stat(path);
    const foreign = deps.userId !== undefined && found.uid !== deps.userId;
    // A file another user left in a shared directory must not choose where we send releases.
    if (foreign || !found.isFile() || found.size > fileBytesLimit) return undefined;
    return { path, changedMs: found.mtimeMs };
  } catch {
    // Removed between listing and looking: its demo has just ended.
    return undefined;
  }
}

async function readDemo(path: string): Promise<DemoFile | undefined> {
  try {
    const { url, token, pid } = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    const fits = typeof url === "string" && typeof token === "string" && typeof pid === "number";
    return fits && Number.isInteger(pid) && pid > 0 ? { url, token, pid, file: path } : undefined;
  } catch {
    // Half written or removed meanwhile: not a living demo yet, or no longer.
    return undefined;
  }
}

/** An address as it is used: no slash at the end, no password in it. Exit 2 for anything else. */
export function checkUrl(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw usageProblem(`${source} is not an http or https address`, "for example http://127.0.0.1:3030");
  }
  if (url.username !== "" || url.password !== "") {
    throw usageProblem(`${source} holds a user or password`, "give the token with --token or SLIPWAY_TOKEN");
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

function nowhere(): CliProblem {
  return new CliProblem({
    code: "NO_SERVER",
    title: "No Slipway server is named",
    hint: [
      "give one of these:",
      "  --url URL --token TOKEN",
      "  SLIPWAY_URL and SLIPWAY_TOKEN in the environment",
      "  a context: slipway login URL keeps one, slipway context use NAME chooses among them",
      "  a running demo: `npm run demo` leaves .slipway/demo-*.json, looked for from here upward",
    ].join("\n"),
    exitCode: exitCodes.usage,
  });
}
