import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";

import type { Token, TokenRequestInput } from "#common/contracts/tokens.ts";
import { roles } from "#common/domain/access.ts";
import type { Role } from "#common/domain/access.ts";

import { createdLine, tokenLines } from "../print/tokens.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, collect, consents, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

/** `token create NAME`, `token list`, `token revoke TOKEN`. */
export function addToken(program: Command, deps: CommandDeps): void {
  const group = program
    .command("token")
    .summary("tokens for people and pipelines: make, list, revoke")
    .description(
      "Tokens let people and pipelines in. Each has a role, and may be narrowed to environments, namespaces and workloads; none may do more than the token that makes it.",
    );
  addCreate(group, deps);
  addList(group, deps);
  addRevoke(group, deps);
}

interface CreateOptions extends CommonOptions {
  readonly role: Role;
  readonly environments?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly workloads?: readonly string[];
  readonly groups?: readonly string[];
  readonly expires?: string;
}

const createExamples = `
Examples:
  slipway token create ci --role releaser --namespaces shop            # prints the token; keep it now
  slipway token create oncall --role releaser -e production --expires 12h
  slipway token create web --role viewer --workloads 'shop/*' --expires never`;

function addCreate(group: Command, deps: CommandDeps): void {
  const command = group
    .command("create <name>")
    .summary("make a token and print it, this once")
    .description(
      "Makes a token. The token alone goes to stdout, so that it can be piped into a store of secrets; what it may do goes to stderr. Only its hash is kept.",
    )
    .addOption(new Option("--role <role>", "what it may do").choices(roles).makeOptionMandatory())
    .option("--environments <names>", "only in these; repeatable, * stands for any characters", collect)
    .option("--namespaces <names>", "only in these", collect)
    .option("--workloads <names>", "only these: namespace/name or namespace:kind/name", collect)
    .option("--groups <names>", "groups it belongs to, for approvals", collect)
    .option("--expires <duration>", "12h, 30d, …, or never (else 90d, or as long as yours)", parseExpiry)
    .addHelpText("after", createExamples);
  addCommonOptions(command).action(verb<CreateOptions>(deps, createToken));
}

async function createToken(
  session: Session,
  options: CreateOptions,
  [name = ""]: readonly string[],
): Promise<ExitCode> {
  const { role, expires, groups, workloads, environment, namespace } = options;
  const environments = [...(options.environments ?? []), ...(environment === undefined ? [] : [environment])];
  const namespaces = [...(options.namespaces ?? []), ...(namespace === undefined ? [] : [namespace])];
  const request: TokenRequestInput = {
    name,
    role,
    scope: {
      ...(environments.length > 0 && { environments }),
      ...(namespaces.length > 0 && { namespaces }),
      ...(workloads !== undefined && { workloads: [...workloads] }),
    },
    ...(groups !== undefined && { groups: [...groups] }),
    ...(expires !== undefined && { expiresIn: expires }),
  };
  const made = await session.api.createToken(request);
  const { output } = session.options;
  if (output === "table" || output === "wide") session.io.err(createdLine(made));
  show(session, { data: made, names: [made.secret], lines: () => [made.secret] });
  return exitCodes.ok;
}

function addList(group: Command, deps: CommandDeps): void {
  const command = group
    .command("list")
    .summary("who was given what, and when it was last used")
    .description("Lists tokens, newest first: those that are not stronger than yours.")
    .option("--all", "also those that have expired or were revoked")
    .addHelpText("after", "\nExamples:\n  slipway token list\n  slipway token list --all -o wide");
  addCommonOptions(command).action(
    verb<CommonOptions & { readonly all?: boolean }>(deps, async (session, { all }) => {
      const tokens = await session.api.tokens(all === true);
      show(session, {
        data: { tokens },
        names: tokens.map(({ id }) => id),
        lines: (style) => tokenLines(tokens, style),
      });
      return exitCodes.ok;
    }),
  );
}

function addRevoke(group: Command, deps: CommandDeps): void {
  const command = group
    .command("revoke <token>")
    .summary("end a token at once, and all that it made")
    .description(
      "Ends a token, by its id, the last eight characters of it, or its name. Other API processes notice within ten seconds. What it made ends with it.",
    )
    .option("-y, --yes", "do not ask (a pipe never asks)")
    .addHelpText("after", "\nExamples:\n  slipway token revoke ci\n  slipway token revoke 0c1d8e11 -y");
  addCommonOptions(command).action(
    verb<CommonOptions & { readonly yes?: boolean }>(deps, async (session, options, [text = ""]) => {
      const found = findOne(await session.api.tokens(false), text);
      const ask = { question: `Revoke ${found.name} (${found.id.slice(-8)})?`, no: "Nothing was revoked." };
      if (!(await consents(session, options, ask))) return exitCodes.cancelled;
      const ended = await session.api.revokeToken(found.id);
      const more = ended.descendants === 0 ? "" : ` and ${ended.descendants} that it had made`;
      show(session, {
        data: ended,
        names: [ended.id],
        lines: () => [`Revoked ${ended.name} (${ended.id.slice(-8)})${more}.`],
      });
      return exitCodes.ok;
    }),
  );
}

function findOne(tokens: readonly Token[], text: string): Token {
  const fits = tokens.filter(
    ({ id, name }) => id === text || id.endsWith(`-${text}`) || id.slice(-8) === text || name === text,
  );
  const [found, ...others] = fits;
  if (found === undefined) throw usageProblem(`No token "${text}"`, "slipway token list shows what there is");
  if (others.length === 0) return found;
  const ids = fits.map(({ id, role }) => `${id.slice(-8)} (${role})`).join(", ");
  throw usageProblem(`Several tokens are called "${text}"`, `name one by its id: ${ids}`);
}

function parseExpiry(text: string): string {
  if (text === "never" || /^[1-9]\d{0,3}[mhd]$/.test(text)) return text;
  throw new InvalidArgumentError("wanted: a duration such as 12h or 90d, or never");
}
