import type { Command, Option } from "commander";

import { operations } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";

import { useOf } from "./operation-verbs.ts";

/** `docs/cli.md`, from what the program says of itself. */
export function cliDoc(program: Command): string {
  const verbs = visibleIn(program);
  const groups = [...new Set(verbs.map((verb) => verb.helpGroup()))];
  return [
    head,
    commonOptions(verbs),
    ...groups.flatMap((group) => [
      `## ${group.replace(/:$/, "")}`,
      ...verbs.filter((verb) => verb.helpGroup() === group).flatMap((verb) => verbDoc(verb)),
    ]),
    operationsDoc(),
    "",
  ].join("\n\n");
}

/** Every verb that a person is told of, subcommands below their groups: "environment check". */
export function allVerbs(program: Command): readonly { readonly path: string; readonly command: Command }[] {
  const below = (command: Command, path: readonly string[]): ReturnType<typeof allVerbs> => {
    const inner = visibleIn(command);
    const here = [...path, command.name()];
    const own = actsItself(command) ? [{ path: here.join(" "), command }] : [];
    return [...own, ...inner.flatMap((one) => below(one, here))];
  };
  return visibleIn(program).flatMap((verb) => below(verb, []));
}

/** A group that takes arguments acts itself too: "policy W" beside "policy test". */
function actsItself(command: Command): boolean {
  return visibleIn(command).length === 0 || command.registeredArguments.length > 0;
}

function visibleIn(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help");
}

const head = `<!-- Made by \`npm run generate\` from the program's own help. -->

# The command line

\`npm run build\` makes it as one file, \`dist/slipway.mjs\`, for any Node ≥ 20. \`slipway\` alone shows which server it would speak to and what to begin with; \`slipway VERB --help\` shows what follows here, with every option; \`slipway completion bash\` (zsh, fish) makes the Tab key know verbs, flags, workloads, images and jobs.

**Its server** is the first of these that is there:

1. \`--url\` with \`--token\`, or \`--context NAME\`;
2. \`SLIPWAY_URL\` with \`SLIPWAY_TOKEN\`;
3. the current context: \`slipway login URL\` keeps one in \`$XDG_CONFIG_HOME/slipway/contexts.json\` (else \`~/.config/slipway\`), readable for you alone;
4. the newest living demo: \`.slipway/demo-*.json\`, looked for from the working directory upward.

\`slipway context show\` tells which it is. A server with an authority of its own: \`--ca-file\` or \`SLIPWAY_CA_FILE\`, or given to \`slipway login\`. Proxies: \`HTTPS_PROXY\`, \`HTTP_PROXY\` and \`NO_PROXY\`, or \`slipway login --proxy\`; this machine itself is never asked through one.

**Results** go to stdout, progress and notes to stderr. On a terminal steps are shown as they happen, tables are cut to its width (\`-o wide\` cuts nothing) and a release asks before it writes; in a pipe there is one plain line per step, nothing is cut and nothing is asked. Colours: only on a terminal; \`NO_COLOR\`, \`FORCE_COLOR\` and \`TERM=dumb\` are heeded.

**Exit codes**, by which pipelines branch:

| | |
|---|---|
| 0 | succeeded, or nothing to do |
| 1 | failed |
| 2 | the command line was wrong, or named what is not there |
| 3 | rolled back |
| 4 | not over at \`--timeout\`, or left with Ctrl-C: the job goes on, and \`slipway job ID -w\` takes it up again |
| 5 | cancelled or superseded, or not confirmed |
| 6 | the server cannot be reached, or refused |

While a job is waited for the server may go away for up to a minute: the stream is taken up again where it was cut.`;

/** The headings of options that many verbs share. */
const commonGroups = ["Where:", "Output:", "Server:"];

function isCommon(option: Option): boolean {
  return commonGroups.includes(option.helpGroupHeading ?? "");
}

function commonOptions(verbs: readonly Command[]): string {
  const common = new Map<string, Option>();
  for (const verb of verbs)
    for (const option of optionsOf(verb)) if (isCommon(option)) common.set(option.flags, option);
  const sections = commonGroups.flatMap((group) => [
    `**${group.replace(/:$/, "")}**`,
    [...common.values()]
      .filter((option) => option.helpGroupHeading === group)
      .map(optionLine)
      .join("\n"),
  ]);
  return [
    "## Everywhere",
    "Most verbs understand these; the sections below list what is a verb's own.",
    ...sections,
  ].join("\n\n");
}

function optionsOf(command: Command): readonly Option[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long !== "--help");
}

function optionLine(option: Option): string {
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
  return `- \`${option.flags}\`: ${option.description}${choices}`;
}

function verbDoc(verb: Command, path = verb.name()): readonly string[] {
  const inner = visibleIn(verb).flatMap((one) => verbDoc(one, `${path} ${one.name()}`));
  return actsItself(verb) ? [...ownDoc(verb, path), ...inner] : inner;
}

function ownDoc(verb: Command, path: string): readonly string[] {
  const own = optionsOf(verb).filter((option) => !isCommon(option));
  const args = verb.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? "..." : ""}`;
    return one.required ? ` <${name}>` : ` [${name}]`;
  });
  const examples = examplesOf(verb);
  return [
    `### \`slipway ${path}${args.join("")}\``,
    verb.description() || verb.summary(),
    ...(own.length === 0 ? [] : [own.map(optionLine).join("\n")]),
    ...(examples === "" ? [] : [`\`\`\`sh\n${examples}\n\`\`\``]),
  ];
}

/** What stands under "Examples:" in the help. */
function examplesOf(verb: Command): string {
  const lines = helpOf(verb).split("\n");
  const start = lines.findIndex((line) => /^Examples?:$/.test(line));
  if (start === -1) return "";
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line !== "" && !line.startsWith("  "));
  return rest
    .slice(0, end === -1 ? undefined : end)
    .map((line) => line.replace(/^ {2}/, ""))
    .join("\n")
    .trim();
}

/** The whole help, with what follows the options. */
export function helpOf(verb: Command): string {
  let text = "";
  verb.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 110 });
  verb.outputHelp();
  return text;
}

function operationsDoc(): string {
  const rows = Object.entries(operations).map(([name, { method, path, role }]) => {
    const use = useOf(name as OperationName);
    const how = use === undefined ? "" : "none" in use ? use.none : `\`slipway ${shortened(use.typed)}\``;
    return `| ${name} | \`${method} ${path}\` | ${role} | ${how} |`;
  });
  return [
    "## What each operation is asked for by",
    "Every operation of the API, the role it needs, and the verb that asks for it.",
    ["| Operation | Request | Role | Verb |", "|---|---|---|---|", ...rows].join("\n"),
  ].join("\n\n");
}

function shortened(typed: readonly string[]): string {
  return typed.map((word) => (/^[0-9a-f-]{36}$/.test(word) ? "JOB" : word)).join(" ");
}
