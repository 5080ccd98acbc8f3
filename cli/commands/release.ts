import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";

import type { Job, Plan } from "#common/contracts/http.ts";
import { overrides } from "#common/contracts/overrides.ts";
import type { Override } from "#common/contracts/overrides.ts";
import type { ReleaseRequestInput } from "#common/contracts/requests.ts";

import { findNames } from "../lookup.ts";
import { diffLines, planLines } from "../print/results.ts";
import { safe } from "../print/safe.ts";
import { exitCodes, usageProblem } from "../problem.ts";
import type { ExitCode } from "../problem.ts";
import type { Session } from "../session.ts";

import { addCommonOptions, addStoryOption, collect, parseDuration, verb } from "./common.ts";
import { parseFuture } from "./instants.ts";
import { addMarkOptions, marksOf } from "./marks.ts";
import type { MarkOptions } from "./marks.ts";
import { hintFor, withNearImages } from "./near-images.ts";
import { pickRelease } from "./release-picked.ts";
import { parseOverrides } from "./overrides.ts";
import type { CommandDeps } from "./common.ts";
import { showPlan } from "./show-plan.ts";
import { addWaitOptions, waitAndPrint } from "./waiting.ts";
import type { WaitOptions } from "./waiting.ts";

interface ReleaseOptions extends WaitOptions, MarkOptions {
  readonly workload?: readonly string[];
  readonly service?: readonly string[];
  readonly all?: boolean;
  readonly exclude?: readonly string[];
  readonly image?: readonly string[];
  readonly updateImage?: readonly string[];
  readonly latest?: boolean;
  readonly updateAllImages?: boolean;
  readonly toPrevious?: boolean;
  readonly toRunning?: boolean;
  readonly message?: string;
  readonly override?: readonly Override[];
  readonly dryRun?: boolean;
  readonly interactive?: boolean;
  readonly yes?: boolean;
  readonly idempotencyKey?: string;
  readonly waitForImage?: number;
  readonly at?: string;
}

const examples = `
Examples:
  slipway release front-end                        # a terminal: shows the plan for the newest image, asks
  slipway release front-end --latest -y            # does not ask; a pipe never asks
  slipway release front-end -i weaveworksdemos/front-end:0.3.1 -m "fix the cart"
  slipway release --all --latest --exclude payment --dry-run
  slipway release front-end -i "$IMAGE" --wait-for-image 10m           # while another job still pushes it
  slipway release --interactive                    # choose from a list: arrows, space, type to filter
  slipway release front-end --to-previous -m "0.4 is slow"     # back to what ran before
  slipway release front-end --latest --at 2026-12-01T06:00Z    # then; returns at once, cancel it before
  slipway release front-end --to-running                       # keep what kubectl set in an emergency
  slipway release front-end -i "$IMAGE" --timeout 10m -o json > job.json   # a pipeline: exits by the outcome

Exit: 0 succeeded or nothing to do, 1 failed, 2 usage, 3 rolled back, 4 not over at --timeout (the job
goes on), 5 cancelled or superseded, 6 unreachable or refused.`;

/** `release W…|--all` */
export function addRelease(program: Command, deps: CommandDeps): void {
  const command = program
    .command("release [workload...]")
    .summary("bring workloads to chosen images, and wait until healthy")
    .description(
      "Writes the chosen images into the config repository as one commit, applies it, and waits until the workloads are healthy. Give exactly one of --image, --latest, --to-previous and --to-running, or choose from a list with --interactive.",
    )
    .option("--workload <name>", "same as the argument; repeatable", collect)
    .option("--service <name>", "same as --workload", collect)
    .option("--all", "every workload that is declared and runs (with -n: of that namespace)")
    .option("--exclude <name>", "leave this workload alone; repeatable", collect)
    .option("-i, --image <ref>", "this image, in full; repeatable", collect)
    .addOption(new Option("--update-image <ref>").argParser(collect).hideHelp())
    .option("--latest", "the newest eligible image of each container")
    .addOption(new Option("--update-all-images").hideHelp())
    .option("--to-previous", "what each container ran before its last release")
    .option("--to-running", "what the cluster runs now, e.g. set by hand in an emergency: written to git")
    .option("--interactive", "choose workloads and images from a list, see the diff, then confirm")
    .option("-m, --message <text>", "why; becomes part of the commit")
    .option("--dry-run", "show the plan and its diff; nothing is stored or written")
    .option("-y, --yes", "do not ask")
    .option("--override <right>", `pass one guard: ${overrides.join(", ")}; repeatable`, parseOverrides)
    .option(
      "--wait-for-image <duration>",
      "wait so long for an --image that is still being pushed (at most 1h); does not ask",
      parseImageWait,
    )
    .option("--at <time>", "begin at 2026-12-01T06:00Z, or in 2h; its images are chosen now; does not wait")
    .option("--idempotency-key <key>", "yours: a rerun of the same step releases once (else a fresh one)")
    .addHelpText("after", examples);
  addStoryOption(addCommonOptions(addWaitOptions(addMarkOptions(command)))).action(
    verb<ReleaseOptions>(deps, release),
  );
}

async function release(
  session: Session,
  options: ReleaseOptions,
  args: readonly string[],
): Promise<ExitCode> {
  const body = await bodyOf(session, options, args);
  if (body === undefined) {
    session.io.err(nothingReleased);
    return exitCodes.cancelled;
  }
  if (options.dryRun === true) return showPlan(session, await planOf(session, body));
  // Of an image that does not exist yet there is no plan to ask about.
  const canAsk = options.format !== "story" && options.waitForImage === undefined;
  const asks = session.io.interactive && options.yes !== true && canAsk;
  if (asks) {
    const consent = await planAndAsk(session, body, options);
    if (consent !== "yes") return consent === "nothing" ? exitCodes.ok : exitCodes.cancelled;
  }
  const job = await session.api.release(body, options.idempotencyKey ?? session.io.newKey());
  const hintOf = ({ error }: Job) => hintFor(session, body, error?.code ?? "");
  // It begins at its time: nobody waits here until then.
  const wait = options.wait && options.at === undefined;
  return await waitAndPrint(session, job, { ...options, wait, hintOf });
}

async function planOf(session: Session, body: ReleaseRequestInput): Promise<Plan> {
  return await withNearImages(session, body, () => session.api.plan(body));
}

const nothingReleased = "Nothing was released.";

/** What is asked for; undefined when the person at the list left it. */
async function bodyOf(
  session: Session,
  options: ReleaseOptions,
  args: readonly string[],
): Promise<ReleaseRequestInput | undefined> {
  if (options.interactive === true) return await pickedBody(session, options, args);
  const images = chosenImages(options, session.io.interactive);
  const named = options.image !== undefined || options.updateImage !== undefined;
  if (options.waitForImage !== undefined && !named) {
    throw usageProblem("--wait-for-image waits for an image that --image names");
  }
  return await requestBody(session, { options, args, images });
}

async function pickedBody(
  session: Session,
  options: ReleaseOptions,
  args: readonly string[],
): Promise<ReleaseRequestInput | undefined> {
  if (imagesGiven(options).length > 0 || options.waitForImage !== undefined) {
    throw usageProblem("Give either --interactive or the images");
  }
  const names = namesGiven(options, args);
  const picked = await pickRelease(session, { names, exclude: options.exclude ?? [] });
  return picked === undefined ? undefined : { ...picked, ...commonOf(session, options) };
}

const longestWaitMs = 3_600_000;

/** In whole seconds. */
function parseImageWait(text: string): number {
  const ms = parseDuration(text);
  if (ms > longestWaitMs) throw new InvalidArgumentError("at most 1h");
  return Math.ceil(ms / 1_000);
}

type Images = NonNullable<ReleaseRequestInput["images"]>;

function imagesGiven(options: ReleaseOptions): readonly Images[] {
  const exact = [...(options.image ?? []), ...(options.updateImage ?? [])];
  return [
    ...(exact.length > 0 ? [{ exact }] : []),
    ...(options.latest === true || options.updateAllImages === true ? [{ select: "latest" } as const] : []),
    ...(options.toPrevious === true ? [{ select: "previous" } as const] : []),
    ...(options.toRunning === true ? [{ select: "running" } as const] : []),
  ];
}

function chosenImages(options: ReleaseOptions, interactive: boolean): Images {
  const given = imagesGiven(options);
  const [images] = given;
  if (given.length === 1 && images !== undefined) return images;
  // Without any, a person is shown the plan and asked; a pipeline has to say what it means.
  if (given.length === 0 && interactive && options.yes !== true) return { select: "latest" };
  throw usageProblem(
    "Give exactly one of --image REF, --latest, --to-previous and --to-running",
    "slipway release --help has examples",
  );
}

interface BodyAsk {
  readonly options: ReleaseOptions;
  readonly args: readonly string[];
  readonly images: Images;
}

async function requestBody(session: Session, ask: BodyAsk): Promise<ReleaseRequestInput> {
  const { options, args, images } = ask;
  const names = namesGiven(options, args);
  if (names.length > 0 && options.all === true)
    throw usageProblem("Give either workloads or --all, not both");
  if (names.length === 0 && options.all !== true) {
    throw usageProblem("Name at least one workload, or give --all", "slipway workloads shows what there is");
  }
  const found = await findNames(session, [...names, ...(options.exclude ?? [])]);
  const workloads = found.slice(0, names.length);
  const exclude = found.slice(names.length);
  return {
    ...commonOf(session, options),
    ...(names.length > 0 ? { workloads: [...workloads] } : await everyWorkload(session, options)),
    ...(exclude.length > 0 ? { exclude: [...exclude] } : {}),
    images,
    ...(options.waitForImage === undefined ? {} : { waitForImageSeconds: options.waitForImage }),
  };
}

function namesGiven(options: ReleaseOptions, args: readonly string[]): readonly string[] {
  return [...args, ...(options.workload ?? []), ...(options.service ?? [])];
}

type CommonBody = Pick<
  ReleaseRequestInput,
  "environment" | "message" | "override" | "labels" | "sourceSha" | "notBefore"
>;

function commonOf({ io }: Session, options: ReleaseOptions): CommonBody {
  const { environment, message, override, at } = options;
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(message === undefined ? {} : { message }),
    ...(override === undefined ? {} : { override: [...override] }),
    ...marksOf(options),
    ...(at === undefined ? {} : { notBefore: parseFuture(at, io.clock.now()) }),
  };
}

/** `--all -n shop` must not mean more than that namespace. */
async function everyWorkload(
  session: Session,
  { environment, namespace }: ReleaseOptions,
): Promise<Pick<ReleaseRequestInput, "all" | "workloads">> {
  if (namespace === undefined) return { all: true };
  const { workloads } = await session.api.workloads({ environment, namespace });
  const declared = workloads.filter(
    (workload) => workload.namespace === namespace && workload.declared !== null,
  );
  if (declared.length > 0) return { workloads: declared.map((workload) => workload.id) };
  throw usageProblem(`No workload of namespace "${namespace}" is declared in the config repository`);
}

const questionsLimit = 10;

/** Shows the plan and asks; `d` shows the diff and asks again. After the list the diff comes at once. */
async function planAndAsk(
  session: Session,
  body: ReleaseRequestInput,
  { interactive = false }: Pick<ReleaseOptions, "interactive">,
): Promise<"yes" | "no" | "nothing"> {
  const { io, options, errPaint } = session;
  const plan = await planOf(session, body);
  for (const line of planLines(plan, { wide: options.output === "wide" })) io.err(line);
  if (plan.results.every((result) => result.result === "skip")) return "nothing";
  if (interactive) for (const line of diffLines(plan.diffs, errPaint)) io.err(line);
  const choices = interactive ? "[y/N]" : "[y/N/d=diff]";
  for (let asked = 1; asked <= questionsLimit; asked += 1) {
    const answer = (await io.ask(safe(`Release to ${plan.environment}? ${choices} `)))?.trim().toLowerCase();
    if (answer === "y" || answer === "yes") return "yes";
    if (answer !== "d" && answer !== "diff") break;
    for (const line of diffLines(plan.diffs, errPaint)) io.err(line);
  }
  io.err(nothingReleased);
  return "no";
}
