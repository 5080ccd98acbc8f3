import type { Command } from "commander";

import { contextNamed, readContexts, writeContexts } from "../contexts.ts";
import type { Context } from "../contexts.ts";
import type { Io } from "../io.ts";
import { safe } from "../print/safe.ts";
import { tableLines } from "../print/table.ts";
import { exitCodes } from "../problem.ts";
import { show } from "../session.ts";
import { findTarget } from "../target.ts";
import type { TargetOptions } from "../target.ts";

import type { CommandDeps } from "./common.ts";
import { addOutputOptions } from "./manifest-options.ts";
import type { OfflineOptions } from "./manifest-options.ts";

/** `context list|use|show|delete` */
export function addContext(program: Command, deps: CommandDeps): void {
  const group = program
    .command("context")
    .summary("the servers that slipway login kept: list, use, show, delete")
    .description("The servers that slipway login kept, each with its token, and which of them is used.");
  addList(group, deps);
  addUse(group, deps);
  addShow(group, deps);
  addDelete(group, deps);
}

function addList(group: Command, { io, finish }: CommandDeps): void {
  const command = group
    .command("list")
    .summary("every context, the current one marked")
    .description("Lists the contexts; * marks the one that is used. Tokens are never shown.")
    .addHelpText("after", "\nExamples:\n  slipway context list\n  slipway context list -o name");
  addOutputOptions(command).action(async (options: OfflineOptions) => {
    const { current, contexts } = await readContexts(io.env);
    const all = Object.entries(contexts).map(([name, context]) => told(name, context, current));
    const rows = all.map((one) => [one.current ? "*" : "", one.name, one.url, one.token ? "yes" : "none"]);
    show(
      { io, options },
      {
        data: { contexts: all },
        names: all.map(({ name }) => name),
        lines: ({ headers, columns }) =>
          tableLines(headers ? [["", "CONTEXT", "SERVER", "TOKEN"], ...rows] : rows, columns),
      },
    );
    if (all.length === 0) io.err("There is no context yet: slipway login URL makes one.");
    finish(exitCodes.ok);
  });
}

function told(name: string, { url, token, caFile, proxy }: Context, current: string | undefined) {
  const more = { caFile: caFile ?? null, proxy: proxy === undefined ? null : withoutPassword(proxy) };
  return { name, current: name === current, url, token: token !== undefined, ...more };
}

function withoutPassword(proxy: string): string {
  if (!URL.canParse(proxy)) return proxy;
  const url = new URL(proxy);
  if (url.password !== "") url.password = "…";
  return url.href;
}

function addUse(group: Command, { io, finish }: CommandDeps): void {
  group
    .command("use <name>")
    .summary("use this one from now on")
    .description("Makes a context the current one.")
    .addHelpText("after", "\nExample:\n  slipway context use prod")
    .action(async (name: string) => {
      const known = await readContexts(io.env);
      const context = contextNamed(known, name);
      await writeContexts(io.env, { ...known, current: name });
      io.out(safe(`Context "${name}" is used from now on: ${context.url}`));
      warnOfOthers(io);
      finish(exitCodes.ok);
    });
}

/** Who has SLIPWAY_URL set wonders otherwise why nothing changed. */
function warnOfOthers(io: Io): void {
  if ((io.env["SLIPWAY_URL"] ?? "").trim() === "") return;
  io.err("Note: SLIPWAY_URL is set and goes before every context.");
}

function addShow(group: Command, { io, finish }: CommandDeps): void {
  const command = group
    .command("show")
    .summary("which server a command would speak to, and why")
    .description(
      "Shows which server a command typed here and now would speak to, and where that was found: --url or --context, SLIPWAY_URL, the current context, a running demo.",
    )
    .option("--url <url>", "as if this were given")
    .option("--context <name>", "as if this were given")
    .addHelpText("after", "\nExamples:\n  slipway context show\n  slipway context show -o json");
  addOutputOptions(command).action(async (options: OfflineOptions & TargetOptions) => {
    const target = await findTarget(options, io);
    const { url, source, caFile = null, proxy } = target;
    const shown = proxy === undefined ? null : withoutPassword(proxy);
    const data = { url, source, token: target.token !== undefined, caFile, proxy: shown };
    const facts: readonly (readonly [string, string | null])[] = [
      ["server", url],
      ["found by", source],
      ["token", data.token ? "yes" : "none"],
      ["authority", caFile],
      ["proxy", shown],
    ];
    const rows = facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]]));
    show({ io, options }, { data, names: [url], lines: () => tableLines(rows) });
    finish(exitCodes.ok);
  });
}

function addDelete(group: Command, { io, finish }: CommandDeps): void {
  group
    .command("delete <name>")
    .summary("forget a context with its token")
    .description("Forgets a context with its token. The token itself counts until it is revoked.")
    .addHelpText("after", "\nExample:\n  slipway context delete staging")
    .action(async (name: string) => {
      const known = await readContexts(io.env);
      contextNamed(known, name);
      const contexts = Object.fromEntries(Object.entries(known.contexts).filter(([other]) => other !== name));
      const current = known.current === name ? undefined : known.current;
      await writeContexts(io.env, { current, contexts });
      io.out(safe(`Forgot context "${name}".`));
      if (current === undefined) io.err("No context is used now: slipway context use NAME chooses one.");
      finish(exitCodes.ok);
    });
}
