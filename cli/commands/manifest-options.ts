import { Option } from "commander";
import type { Command } from "commander";

import type { CommonOptions } from "../session.ts";

/** What the verbs that need no server understand. */
export type OfflineOptions = Pick<CommonOptions, "output" | "headers">;

/** What the verbs that read manifests understand. */
export type ManifestOptions = OfflineOptions & { readonly defaultNamespace: string };

export function addOutputOptions(command: Command): Command {
  return command
    .addOption(
      new Option("-o, --output <format>", "how the result is printed")
        .choices(["table", "wide", "json", "yaml", "name"])
        .default("table"),
    )
    .addOption(new Option("--no-headers", "tables without their heading"));
}

export function addManifestOptions(command: Command): Command {
  return addOutputOptions(command).addOption(
    new Option("--default-namespace <name>", "of what names no namespace").default("default"),
  );
}
