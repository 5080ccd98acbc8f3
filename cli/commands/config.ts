import { access, readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";

import type { Command } from "commander";

import type { Settings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { findSettingsFile } from "#common/kit/settings.ts";
import { judgeSettings } from "#common/kit/settings-faults.ts";
import type { SettingsFault } from "#common/kit/settings-faults.ts";

import type { Io } from "../io.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import { show } from "../session.ts";

import type { CommandDeps } from "./common.ts";
import { addOutputOptions } from "./manifest-options.ts";
import type { OfflineOptions } from "./manifest-options.ts";

interface CheckOptions extends OfflineOptions {
  readonly files?: boolean;
}

/** `config check [FILE]` */
export function addConfig(program: Command, { io, finish }: CommandDeps): void {
  const group = program
    .command("config")
    .summary("check a settings file, or print its schema, without a server")
    .description("The settings file of the services, looked at without a server.");
  const command = group
    .command("check [file]")
    .summary("every mistake of a settings file, with its line")
    .description(
      "Reads a settings file as the services would and lists every mistake at once, each with its line. Without a name: SLIPWAY_CONFIG, else ./slipway.yaml, else /etc/slipway/slipway.yaml; - is stdin. Asks nobody: whether git, cluster and registries can be reached is told by environment check. Exit 1 when there is a mistake.",
    )
    .option("--files", "the files it names (secrets, kubeconfig, certificates) have to be here too")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway config check\n  slipway config check deploy/slipway.yaml\n  kubectl get cm slipway -o jsonpath='{.data.slipway\\.yaml}' | slipway config check -",
    );
  addOutputOptions(command).action(async (file: string | undefined, options: CheckOptions) => {
    finish(await check(io, file, options));
  });
  group
    .command("schema")
    .summary("the JSON schema of the settings file, for editors")
    .description(
      "Prints the JSON schema of the settings file of this version. Editors complete and check by it; what a schema cannot say is said by config check.",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  slipway config schema > slipway.schema.json\n  # and as the first line of slipway.yaml:\n  # yaml-language-server: $schema=slipway.schema.json",
    )
    .action(async () => {
      const { settingsSchemaText } = await import("#common/contracts/settings-schema.ts");
      io.out(settingsSchemaText().trimEnd());
      finish(exitCodes.ok);
    });
}

interface Read {
  /** As it is shown and counted from: "-" is stdin. */
  readonly name: string;
  readonly folder: string;
  readonly text: string;
}

async function check(io: Io, file: string | undefined, options: CheckOptions): Promise<ExitCode> {
  const read = await readSettings(io, file);
  const judged = judgeSettings(read.text);
  const missing = judged.ok ? await missingFiles(judged.settings, read.folder) : [];
  const faults = judged.ok ? [] : judged.faults;
  const isWell = faults.length === 0 && (options.files !== true || missing.length === 0);
  show(
    { io, options },
    {
      data: { file: read.name, ok: isWell, faults, missing },
      names: isWell ? [] : [read.name],
      lines: () => [
        ...faults.map((fault) => faultLine(read.name, fault)),
        ...(judged.ok && isWell ? [safe(`${read.name}: ${countsOf(judged.settings)}, no mistake`)] : []),
      ],
    },
  );
  for (const { where, path } of missing) {
    io.err(safe(`${options.files === true ? "" : "Note: "}${where}: ${path} is not here`));
  }
  return isWell ? exitCodes.ok : exitCodes.failed;
}

function faultLine(name: string, { line, text }: SettingsFault): string {
  return safe(`${name}:${line}: ${text}`);
}

function countsOf({ environments, registries }: Settings): string {
  const count = (of: readonly unknown[], one: string, many: string) =>
    of.length === 1 ? `1 ${one}` : `${of.length} ${many}`;
  const parts = [count(environments, "environment", "environments")];
  return [...parts, ...(registries.length === 0 ? [] : [count(registries, "registry", "registries")])].join(
    ", ",
  );
}

const bytesLimit = 1024 * 1024;

async function readSettings(io: Io, named: string | undefined): Promise<Read> {
  if (named === "-") {
    const bytes = await io.readIn(bytesLimit);
    if (bytes === undefined) throw usageProblem("What came on stdin is larger than 1 MiB");
    return { name: "-", folder: io.cwd, text: bytes.toString("utf8") };
  }
  const path = settingsPath(io, named);
  const inside = relative(io.cwd, path);
  const name = named ?? (inside.startsWith("..") ? path : inside);
  try {
    const text = await readFile(path, "utf8");
    if (text.length > bytesLimit) throw usageProblem(`${name} is larger than 1 MiB`);
    return { name, folder: dirname(path), text };
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (typeof code !== "string" || code === "USAGE") throw error;
    throw usageProblem(code === "ENOENT" ? `There is no file ${name}` : `${name} cannot be read (${code})`);
  }
}

function settingsPath({ env, cwd }: Io, named: string | undefined): string {
  try {
    return findSettingsFile({ flag: named, env, cwd });
  } catch (error) {
    if (error instanceof SlipwayError) throw usageProblem("There is no settings file", error.hint);
    throw error;
  }
}

interface NamedFile {
  readonly where: string;
  readonly path: string;
}

async function missingFiles(settings: Settings, folder: string): Promise<readonly NamedFile[]> {
  const missing: NamedFile[] = [];
  for (const named of filesNamed(settings, "")) {
    if (!(await isThere(resolve(folder, named.path)))) missing.push(named);
  }
  return missing;
}

/** Whatever ends in File, and the kubeconfig. */
function filesNamed(value: unknown, where: string): readonly NamedFile[] {
  if (Array.isArray(value)) {
    return value.flatMap((entry: unknown, index) => filesNamed(entry, `${where}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
    const path = where === "" ? key : `${where}.${key}`;
    const isFile = typeof entry === "string" && (key.endsWith("File") || key === "kubeconfig");
    return isFile ? [{ where: path, path: entry }] : filesNamed(entry, path);
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Absent, or not for us to read: either way the services would not get it from here.
    return false;
  }
}
