import type { Command } from "commander";

import { resolve } from "node:path";

import { createApiClient } from "../api-client.ts";
import { contextName, contextsFile, readContexts, writeContexts } from "../contexts.ts";
import type { Context, Contexts } from "../contexts.ts";
import { createTransport } from "../http.ts";
import type { Io } from "../io.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { checkedProxy, reachOf } from "../reach.ts";
import { checkUrl } from "../target.ts";
import { version } from "../version.ts";

import type { CommandDeps } from "./common.ts";

interface LoginOptions {
  readonly name?: string;
  readonly token?: string;
  readonly tokenStdin?: boolean;
  readonly caFile?: string;
  readonly proxy?: string;
}

const examples = `
Examples:
  slipway login https://slipway.example.com                          # asks for the token, unseen
  slipway login https://slipway.example.com --name prod --token-stdin < token
  slipway login https://slipway.internal --ca-file corporate-ca.pem --proxy http://proxy.internal:3128
  slipway login                                                      # the current context, with a new token`;

/** `login [URL]` */
export function addLogin(program: Command, { io, finish }: CommandDeps): void {
  program
    .command("login [url]")
    .summary("keep a server and its token as a context, and use it from now on")
    .description(
      "Tries the token, and keeps server and token in a file that only you can read ($XDG_CONFIG_HOME/slipway/contexts.json, else ~/.config/slipway). From then on every command speaks to this server, unless --url, --context or SLIPWAY_URL say otherwise.",
    )
    .option("--name <name>", "what to call it (else the server's host)")
    .option("--token-stdin", "read the token from stdin")
    .option("--token <token>", "the token itself; others may see it in the list of processes")
    .option("--ca-file <file>", "certificates (PEM) of the server's authority; public ones count beside it")
    .option("--proxy <url>", "the HTTP proxy to it, or none (else HTTPS_PROXY)")
    .addHelpText("after", examples)
    .action(async (url: string | undefined, options: LoginOptions) => {
      finish(await login(io, url, options));
    });
}

async function login(io: Io, url: string | undefined, options: LoginOptions): Promise<ExitCode> {
  const known = await readContexts(io.env);
  const draft = draftOf(io, { url, options, known });
  const token = await tokenFor(io, draft.context.url, options);
  const context = { ...draft.context, token };
  const environments = await tryOut(io, draft.name, context);
  await writeContexts(io.env, {
    current: draft.name,
    contexts: { ...known.contexts, [draft.name]: context },
  });
  const names = environments.length === 0 ? "no environment yet" : environments.join(", ");
  io.out(safe(`Logged in to ${context.url} as context "${draft.name}": ${names}`));
  if (isOpenText(context.url)) {
    io.err("Note: http: is not encrypted; whoever is on the way can read the token.");
  }
  return exitCodes.ok;
}

interface Draft {
  readonly name: string;
  readonly context: Context;
}

interface DraftAsk {
  readonly url: string | undefined;
  readonly options: LoginOptions;
  readonly known: Contexts;
}

/** What is to be kept but for the token; a context of this name or server keeps what is not said anew. */
function draftOf(io: Io, { url: typed, options, known }: DraftAsk): Draft {
  const named = options.name ?? (typed === undefined ? known.current : undefined);
  const before = named === undefined ? undefined : known.contexts[named];
  const text = typed ?? before?.url ?? io.env["SLIPWAY_URL"];
  if (text === undefined) {
    throw usageProblem("Name the server to log in to", "slipway login https://slipway.example.com");
  }
  const url = checkUrl(text, "the address");
  const name = named ?? nameFor(url, known);
  if (!contextName.test(name)) throw usageProblem(`"${name}" is not a name for a context`);
  const old = known.contexts[name]?.url === url ? known.contexts[name] : undefined;
  const caFile = options.caFile === undefined ? old?.caFile : resolve(io.cwd, options.caFile);
  const proxy = proxyOf(options.proxy) ?? old?.proxy;
  const ca = caFile === undefined ? {} : { caFile };
  return { name, context: { url, ...ca, ...(proxy === undefined ? {} : { proxy }) } };
}

function nameFor(url: string, known: Contexts): string {
  const kept = Object.entries(known.contexts).find(([, context]) => context.url === url);
  return kept?.[0] ?? new URL(url).host.replaceAll(/[[\]]/g, "");
}

function proxyOf(text: string | undefined): string | undefined {
  return text === "none" ? text : checkedProxy("--proxy", text);
}

const tokenBytesLimit = 64 * 1024;

async function tokenFor(io: Io, url: string, options: LoginOptions): Promise<string> {
  if (options.token !== undefined && options.tokenStdin === true) {
    throw usageProblem("Give either --token or --token-stdin");
  }
  const text = options.token ?? (await readToken(io, url, options));
  const token = text.trim();
  if (/^[\u0021-\u007e]+$/.test(token)) return token;
  throw usageProblem(
    token === "" ? "No token was given" : "The token holds characters that no token has",
    "an administrator gives one out; the first admin token is told by the API at its first start",
  );
}

async function readToken(io: Io, url: string, options: LoginOptions): Promise<string> {
  if (options.tokenStdin === true) {
    const bytes = await io.readIn(tokenBytesLimit);
    if (bytes === undefined) throw usageProblem("What came on stdin is too long for a token");
    return bytes.toString("utf8");
  }
  if (!io.interactive) {
    throw usageProblem("There is no terminal to ask for the token at", "give it with --token-stdin");
  }
  const answer = await io.askSecret(safe(`Token for ${url}: `));
  if (answer === undefined) throw usageProblem("No token was given");
  return answer;
}

/** Asks what every token may ask; nothing is kept of a login that does not work. */
async function tryOut(io: Io, name: string, context: Context): Promise<readonly string[]> {
  const target = { ...context, token: context.token, source: `login to "${name}"` };
  const wire = await reachOf(target, io);
  const transport = createTransport({ target, clock: io.clock, userAgent: `slipway/${version}`, wire });
  const { environments } = await createApiClient(transport).environments();
  return environments.map((one) => one.name);
}

function isOpenText(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** `logout [NAME]` */
export function addLogout(program: Command, { io, finish }: CommandDeps): void {
  program
    .command("logout [context]")
    .summary("forget the token of a context")
    .description(
      "Forgets the token of a context, the current one unless another is named; its address stays. The token itself counts until an administrator revokes it.",
    )
    .addHelpText("after", "\nExamples:\n  slipway logout\n  slipway logout prod")
    .action(async (named: string | undefined) => {
      finish(await logout(io, named));
    });
}

async function logout(io: Io, named: string | undefined): Promise<ExitCode> {
  const known = await readContexts(io.env);
  const name = named ?? known.current;
  const context = name === undefined ? undefined : known.contexts[name];
  if (name === undefined || context === undefined) {
    throw usageProblem(
      name === undefined ? "Nobody is logged in" : `There is no context "${name}"`,
      `the contexts are kept in ${contextsFile(io.env) ?? "no file: there is no home"}`,
    );
  }
  const { token: forgotten, ...rest } = context;
  if (forgotten === undefined) {
    io.out(safe(`Context "${name}" holds no token.`));
    return exitCodes.ok;
  }
  await writeContexts(io.env, { ...known, contexts: { ...known.contexts, [name]: rest } });
  io.out(safe(`Forgot the token of context "${name}" (${context.url}).`));
  return exitCodes.ok;
}
