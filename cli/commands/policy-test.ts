import type { Command } from "commander";
import { z } from "zod";

import { isTag } from "#common/domain/image-ref.ts";
import { filterFault, filterWarnings } from "#common/domain/tag-filter.ts";
import { chooseLatest } from "#common/domain/tag.ts";
import type { LatestChoice } from "#common/domain/tag.ts";
import { usableDate } from "#common/domain/usable-date.ts";

import type { Io } from "../io.ts";
import { testedLines } from "../print/policy-test.ts";
import type { TestedPolicy } from "../print/policy-test.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import { show } from "../session.ts";

import type { CommandDeps } from "./common.ts";
import { decodeText, largestTextBytes } from "./manifest-files.ts";
import { addOutputOptions } from "./manifest-options.ts";
import type { OfflineOptions } from "./manifest-options.ts";

type TestOptions = OfflineOptions & { readonly filter: string; readonly current?: string };

/** `policy test`: what a filter makes of tags on stdin, by the function that automation and releases ask. */
export function addPolicyTest(policy: Command, deps: CommandDeps): void {
  const command = policy
    .command("test")
    .summary("what a filter makes of tags on stdin, without a server")
    .description(
      'Reads tags from stdin, [{"tag","created"?,"digest"?}, …], and tells which one the filter chooses and why not each of the others. Needs no server.',
    )
    .requiredOption(
      "--filter <filter>",
      "semver:RANGE, glob:PATTERN, regexp:RE2, numerical:RE2, alphabetical:RE2, newest",
    )
    .option("--current <tag>", "what runs now: nothing of a lower version is chosen")
    .addHelpText(
      "after",
      `\nExamples:\n  slipway policy test --filter 'semver:~1.4' -o json < tags.json\n  slipway policy test --filter 'numerical:^build-(?<n>[0-9]+)$' --current build-41 < tags.json\n\nExit: 0 also where nothing is chosen, 2 for a filter or tags that cannot be read.`,
    );
  addOutputOptions(command).action(async function runTest(this: Command) {
    deps.finish(await testPolicy(deps.io, this.optsWithGlobals<TestOptions>()));
  });
}

async function testPolicy(io: Io, options: TestOptions) {
  const { filter, current } = options;
  const fault = filterFault(filter);
  if (fault !== undefined)
    throw usageProblem(`The filter cannot be read: ${fault}`, "slipway policy test --help");
  if (current !== undefined && !isTag(current)) throw usageProblem(`"${current}" cannot be a tag`);
  const images = (await readTags(io)).map(({ tag, created, digest }) => {
    const createdAt = usableDate(created);
    return { tag, ...(createdAt && { createdAt }), ...(typeof digest === "string" && { digest }) };
  });
  const tested = toTested(chooseLatest(images, { filter, notBelow: current }));
  for (const warning of filterWarnings(filter)) io.err(safe(`Note: ${warning}`));
  const names = tested.chosen === null ? [] : [tested.chosen.tag];
  show(
    { io, options },
    { data: tested, names, lines: (style) => testedLines(tested, { ...style, current }) },
  );
  return exitCodes.ok;
}

const tags = z.array(
  z.object({
    tag: z.string().refine(isTag, "cannot be a tag"),
    created: z.string().nullish(),
    digest: z.string().nullish(),
  }),
);

async function readTags(io: Io): Promise<z.infer<typeof tags>> {
  const bytes = await io.readIn(largestTextBytes);
  if (bytes === undefined) throw usageProblem(`More than ${largestTextBytes} bytes on stdin`);
  const text = decodeText(bytes);
  const read = tags.safeParse(text === undefined ? undefined : parseJson(text));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  throw usageProblem(
    `stdin holds no list of tags${where}: ${issue?.message ?? ""}`,
    'write [{"tag": "1.4.2", "created": "2026-01-31T12:00:00Z"}, …]',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageProblem(`stdin is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function toTested({ chosen, candidates }: LatestChoice): TestedPolicy {
  const told = candidates.map(({ image: { tag, createdAt, digest }, reason }, at) => ({
    tag,
    created: createdAt?.toISOString() ?? null,
    ...(digest !== undefined && { digest }),
    order: at + 1,
    reason,
  }));
  const best = told.find((_, at) => candidates[at]?.image === chosen);
  const { tag, created, digest } = best ?? {};
  return {
    chosen:
      tag === undefined ? null : { tag, created: created ?? null, ...(digest !== undefined && { digest }) },
    candidates: told,
  };
}
