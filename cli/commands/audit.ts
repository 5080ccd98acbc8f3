import { Option } from "commander";
import type { Command } from "commander";

import { auditLines } from "../print/audit.ts";
import { safeJsonLine } from "../print/safe.ts";
import { exitCodes } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, parseCount, parseSince, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface AuditOptions extends CommonOptions {
  readonly by?: string;
  readonly operation?: string;
  readonly outcome?: string;
  readonly job?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
  readonly export?: boolean;
}

const examples = `
Examples:
  slipway audit --since 24h
  slipway audit --by ci --operation createRelease
  slipway audit --job 0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11 -o wide
  slipway audit --since 7d --export > audit.jsonl      # oldest first, one JSON object a line`;

/** `audit` */
export function addAudit(program: Command, deps: CommandDeps): void {
  const when = (text: string): string => parseSince(text, deps.io.clock.now());
  const command = program
    .command("audit")
    .summary("who did what, why, from where, before and after")
    .description(
      "Shows the audit log, newest first; for admins. It only grows: entries are neither changed nor deleted before their time. jobEnded tells what a job changed.",
    )
    .option("--by <name>", "only what this person or token did (a name, or the id behind it)")
    .option("--operation <name>", "only this operation, as docs/authorization.md names it")
    .option("--outcome <word>", "only with this outcome")
    .option("--job <id>", "only about this job (its whole id)")
    .option("--since <when>", "from then on: 24h, 7d or 2026-11-23T16:00Z", when)
    .option("--until <when>", "up to then", when)
    .addOption(
      new Option("-l, --limit <count>", "how many; 0 is up to 10,000").argParser(parseCount).default(50),
    )
    .option("--export", "all of it as lines of JSON, oldest first")
    .addHelpText("after", examples);
  addCommonOptions(command).action(verb<AuditOptions>(deps, showAudit));
}

async function showAudit(session: Session, options: AuditOptions): Promise<ExitCode> {
  const { by, operation, outcome, job, since, until, environment, limit } = options;
  const query = { principal: by, operation, outcome, job, since, until, environment };
  if (options.export === true) {
    for await (const line of session.api.auditLines(query)) session.io.out(safeJsonLine(line));
    return exitCodes.ok;
  }
  const entries = await session.api.audit(query, limit);
  show(session, {
    data: { entries },
    names: entries.map(({ id }) => id),
    lines: (style) => auditLines(entries, style),
  });
  return exitCodes.ok;
}
