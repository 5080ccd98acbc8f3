import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

/** What a job and its commit are marked with, for whoever looks for them later. */
export interface MarkOptions {
  readonly label?: Readonly<Record<string, string>>;
  readonly sourceSha?: string;
}

export function addMarkOptions(command: Command): Command {
  return command
    .option(
      "--label <key=value>",
      "kept on the job and in the commit, e.g. build=URL; repeatable",
      parseLabel,
    )
    .option("--source-sha <sha>", "the source's commit; kept on the job and in the commit");
}

/** The marks as a request has them; none where none were given. */
export function marksOf({ label, sourceSha }: MarkOptions): {
  labels?: Record<string, string>;
  sourceSha?: string;
} {
  return {
    ...(label === undefined ? {} : { labels: { ...label } }),
    ...(sourceSha === undefined ? {} : { sourceSha }),
  };
}

/** A key counts once. What may stand in a label is the server's to say. */
function parseLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (key === "") throw new InvalidArgumentError("write key=value");
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`${key} is given twice`);
  return { ...before, [key]: value };
}
