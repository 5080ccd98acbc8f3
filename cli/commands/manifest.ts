import { Option } from "commander";
import type { Command } from "commander";

import { SlipwayError } from "#common/domain/errors.ts";
import { editImages, readManifest } from "#common/domain/manifest.ts";
import { editPolicies } from "#common/domain/manifest-policies.ts";
import { policyPrefixes } from "#common/domain/policy.ts";
import { policyKeyWords } from "#common/domain/policy-values.ts";
import type { PolicyPrefix } from "#common/domain/policy.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import type { WorkloadId } from "#common/domain/workload.ts";

import { faultLine, manifestLines } from "../print/manifests.ts";
import { safe } from "../print/safe.ts";
import { CliProblem, exitCodes, usageProblem } from "../problem.ts";
import type { Io } from "../io.ts";
import { show } from "../session.ts";

import type { CommandDeps } from "./common.ts";
import { decodeText, largestTextBytes, readManifestFiles } from "./manifest-files.ts";
import { addManifestOptions } from "./manifest-options.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { surveyFiles } from "./manifest-survey.ts";
import { parseChanges } from "./policy-changes.ts";

/** `manifest list|set-image|set-policy`: the same reader and editor the server has, on files, without a server. */
export function addManifest(program: Command, deps: CommandDeps): void {
  const manifest = program
    .command("manifest")
    .summary("read and edit manifests in files, without a server")
    .description(
      "Reads and edits manifests the way releases do: an edit replaces the bytes of the value and no other. Needs no server.",
    );
  const list = manifest
    .command("list")
    .argument("<path...>", "files, or folders to look through")
    .summary("workloads, containers, images and policies in files")
    .description(
      "Lists every place an image stands at and below the paths. What cannot be read is told on stderr and stops nothing else.",
    );
  addManifestOptions(list).action(async function runList(this: Command) {
    deps.finish(await listManifests(deps.io, this.args, this.opts<ManifestOptions>()));
  });
  addEditing(manifest, "set-image")
    .description("Reads a manifest from stdin and writes it to stdout with another image in one container.")
    .requiredOption("--container <name>", "the container")
    .requiredOption("--image <ref>", "the whole new image, e.g. nginx:1.27")
    .action(async function runSetImage(this: Command) {
      deps.finish(await setImage(deps.io, this.opts<SetImageOptions>()));
    });
  addEditing(manifest, "set-policy")
    .argument("<change...>", "key=value to write, key- to take away")
    .description(
      `Reads a manifest from stdin and writes it to stdout with policies added, changed or taken away. Keys: ${policyKeyWords}.`,
    )
    .addOption(
      new Option(
        "--prefix <prefix>",
        "for keys the workload does not have yet (else the one it uses)",
      ).choices(policyPrefixes.flatMap((prefix) => [prefix, `${prefix}/`])),
    )
    .action(async function runSetPolicy(this: Command) {
      deps.finish(await setPolicy(deps.io, this.args, this.opts<SetPolicyOptions>()));
    });
}

interface EditOptions {
  readonly workload: string;
}

type SetImageOptions = EditOptions & { readonly container: string; readonly image: string };
type SetPolicyOptions = EditOptions & { readonly prefix?: string };

function addEditing(manifest: Command, name: string): Command {
  return manifest
    .command(name)
    .summary(name === "set-image" ? "write one image, stdin to stdout" : "write policies, stdin to stdout")
    .requiredOption("--workload <id>", "namespace:kind/name, as `manifest list` prints it");
}

async function listManifests(io: Io, paths: readonly string[], options: ManifestOptions) {
  const files = await readManifestFiles(io.cwd, paths);
  const { containers, faults } = surveyFiles(files, { ...options, cwd: io.cwd });
  for (const fault of faults) io.err(safe(faultLine(fault)));
  const shown = {
    data: containers,
    names: [...new Set(containers.map((one) => one.workload))],
    lines: (style: { wide: boolean; headers: boolean }) => manifestLines(containers, style),
  };
  show({ io, options }, shown);
  return exitCodes.ok;
}

async function setImage(io: Io, options: SetImageOptions) {
  const { text, workload } = await readTarget(io, options);
  const edits = [{ workload, container: options.container, image: options.image }];
  const result = editImages(text, edits, { defaultNamespace: workload.namespace });
  if (!result.ok) throw refusedProblem(result);
  for (const left of result.left) {
    io.err(safe(`Note: ${left.workload} ${left.field} was left as it is: ${left.reason}`));
  }
  io.outRaw(result.text);
  return exitCodes.ok;
}

async function setPolicy(io: Io, asked: readonly string[], options: SetPolicyOptions) {
  const changes = parseChanges(asked);
  const { text, workload } = await readTarget(io, options);
  const prefix = options.prefix?.replace(/\/$/, "") as PolicyPrefix | undefined;
  const result = editPolicies(text, workload, { changes, defaultNamespace: workload.namespace, prefix });
  if (!result.ok) throw refusedProblem(result);
  io.outRaw(result.text);
  return exitCodes.ok;
}

interface EditTarget {
  readonly text: string;
  readonly workload: WorkloadId;
}

/** What stands on stdin and which of its workloads is meant; what names no namespace is in the one asked for. */
async function readTarget(io: Io, options: EditOptions): Promise<EditTarget> {
  const asked = parseAsked(options.workload);
  const bytes = await io.readIn(largestTextBytes);
  if (bytes === undefined) {
    throw refusedProblem({ reason: "too-large", detail: `more than ${largestTextBytes} bytes on stdin` });
  }
  const text = decodeText(bytes);
  if (text === undefined) throw refusedProblem({ reason: "not-utf-8", detail: "stdin is not UTF-8" });
  if (asked.kind !== undefined) return { text, workload: { ...asked, kind: asked.kind } };
  const { workloads } = readManifest(text, { defaultNamespace: asked.namespace });
  const found = workloads.map(({ id }) => id).filter((id) => matchesWorkload(id, asked));
  const ids = [...new Set(found.map(formatWorkloadId))];
  if (ids.length > 1) {
    throw usageProblem(`${options.workload} may be ${ids.join(" or ")}`, "name one of them");
  }
  const [workload] = found;
  if (workload === undefined) {
    throw refusedProblem({ reason: "not-found", detail: `${options.workload} is not declared here` });
  }
  return { text, workload };
}

function parseAsked(text: string) {
  try {
    return parseWorkloadId(text, { defaultNamespace: "default" });
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    throw usageProblem(error.message);
  }
}

function refusedProblem(refused: { readonly reason: string; readonly detail: string }): CliProblem {
  return new CliProblem({
    code: "MANIFEST_NOT_EDITABLE",
    title: refused.reason,
    detail: refused.detail,
    exitCode: exitCodes.failed,
  });
}
