import { chmod, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

import { didYouMean, nearest } from "./near.ts";
import { CliProblem, exitCodes, usageProblem } from "./problem.ts";

/** One server a person works with. */
export interface Context {
  readonly url: string;
  /** Absent after `slipway logout`. */
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  /** A proxy's URL, or "none" where HTTPS_PROXY does not count. */
  readonly proxy?: string | undefined;
}

/** Everything the file holds. */
export interface Contexts {
  readonly current: string | undefined;
  readonly contexts: Readonly<Record<string, Context>>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Where contexts are kept, by the XDG rules; undefined where there is no home. */
export function contextsFile(env: Env): string | undefined {
  const own = env["XDG_CONFIG_HOME"];
  if (own !== undefined && isAbsolute(own)) return join(own, "slipway", "contexts.json");
  const home = env["HOME"] ?? env["USERPROFILE"];
  return home === undefined || home === "" ? undefined : join(home, ".config", "slipway", "contexts.json");
}

const fileBytesLimit = 1024 * 1024;
const none: Contexts = { current: undefined, contexts: {} };

/** The contexts there are; none when there is no file. */
export async function readContexts(env: Env): Promise<Contexts> {
  const file = contextsFile(env);
  const text = file === undefined ? undefined : await readIfThere(file);
  if (file === undefined || text === undefined) return none;
  try {
    return checked(JSON.parse(text));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new CliProblem({
      code: "CONTEXTS_UNREADABLE",
      title: `The file of contexts cannot be read: ${detail}`,
      hint: `mend or remove ${file}; slipway login writes it anew`,
      exitCode: exitCodes.usage,
      cause,
    });
  }
}

/** Puts the file in place whole, for its owner alone; a reader sees the old one or the new one. */
export async function writeContexts(env: Env, contexts: Contexts): Promise<void> {
  const file = contextsFile(env);
  if (file === undefined) {
    throw usageProblem("There is no home to keep contexts in", "set HOME or XDG_CONFIG_HOME");
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${crypto.randomUUID()}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(contexts, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(draft, 0o600);
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
}

/** The context of a name; exit 2 with what was probably meant when there is none. */
export function contextNamed(contexts: Contexts, name: string): Context {
  const found = Object.hasOwn(contexts.contexts, name) ? contexts.contexts[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(contexts.contexts);
  const there = names.length === 0 ? "slipway login URL makes one" : `there is ${names.join(", ")}`;
  throw usageProblem(`There is no context "${name}"`, didYouMean(nearest(name, names)) ?? there);
}

/** Whether others than its owner may read the file; false where there is none. */
export async function isOpenToOthers(env: Env): Promise<boolean> {
  const file = contextsFile(env);
  if (file === undefined || process.platform === "win32") return false;
  try {
    return ((await stat(file)).mode & 0o077) !== 0;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    const text = await readFile(file, "utf8");
    if (text.length > fileBytesLimit) throw usageProblem(`${file} is larger than 1 MiB`);
    return text;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (error instanceof CliProblem) throw error;
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    throw new CliProblem({
      code: "CONTEXTS_UNREADABLE",
      title: `The file of contexts ${file} cannot be read (${String(code)})`,
      exitCode: exitCodes.usage,
      cause: error,
    });
  }
}

function isAbsent(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Names become arguments and cells of a table. */
export const contextName = /^[\w.:@-]{1,100}$/;

function checked(value: unknown): Contexts {
  const { current, contexts } = objectOf(value, "the file");
  const entries = Object.entries(objectOf(contexts ?? {}, "contexts")).map(([name, one]) => {
    if (!contextName.test(name)) throw new Error(`"${name}" is not a name for a context`);
    return [name, contextOf(name, objectOf(one, name))] as const;
  });
  return { current: textOf(current, "current"), contexts: Object.fromEntries(entries) };
}

function contextOf(name: string, one: Readonly<Record<string, unknown>>): Context {
  const url = textOf(one["url"], `${name}.url`);
  if (url === undefined) throw new Error(`${name} has no url`);
  return {
    url,
    token: textOf(one["token"], `${name}.token`),
    caFile: textOf(one["caFile"], `${name}.caFile`),
    proxy: textOf(one["proxy"], `${name}.proxy`),
  };
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`${what} is not an object`);
}

function textOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new Error(`${what} is not a text`);
}
